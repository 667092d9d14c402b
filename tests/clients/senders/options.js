// nodemailer with option headers: options.js HOST PORT USER PASSWORD FROM TO, the headers as a JSON object on stdin.
// A value {"smtpapi": {...}} is written by SendGrid's own builder, method by method.
const nodemailer = require('nodemailer')
const Builder = require('smtpapi')

const [host, port, user, pass, from, to] = process.argv.slice(2)
const wanted = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const headers = {}
for (const [name, value] of Object.entries(wanted.headers)) {
  headers[name] = value.smtpapi ? built(value.smtpapi) : value
}

function built (calls) {
  const header = new Builder()
  for (const [method, ...words] of calls) header[method](...words)
  return header.jsonString()
}

const transport = nodemailer.createTransport({
  host, port: Number(port), secure: false, requireTLS: true, auth: { user, pass }, tls: { rejectUnauthorized: false }
})
transport.sendMail({
  from, to, headers, subject: wanted.subject, text: wanted.text, html: wanted.html
}).then(info => {
  console.log(info.response)
  transport.close()
}).catch(error => {
  console.error(error)
  process.exit(1)
})
