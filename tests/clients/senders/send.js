// nodemailer: send.js MODE HOST PORT USER PASSWORD FROM TO, MODE is starttls or tls; NODE_PATH names its folder.
const nodemailer = require('nodemailer')

const [mode, host, port, user, pass, from, to] = process.argv.slice(2)
const transport = nodemailer.createTransport({
  host,
  port: Number(port),
  secure: mode === 'tls',
  requireTLS: mode === 'starttls',
  auth: { user, pass },
  tls: { rejectUnauthorized: false }
})
transport.sendMail({
  from: { name: 'Prüfer', address: from },
  to,
  subject: 'nodemailer grüßt',
  text: 'Hello from nodemailer\n.\n..dots\n',
  html: '<p>Hello from <b>nodemailer</b></p>',
  attachments: [{ filename: 'café.txt', content: 'attached' }]
}).then(info => {
  console.log(info.response)
  transport.close()
}).catch(error => {
  console.error(error)
  process.exit(1)
})
