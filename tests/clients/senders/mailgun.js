// Mailgun's own client: mailgun.js URL KEY, a list of calls as JSON on stdin, each ["domains.get", arguments…] where
// {"base64": …} stands for bytes and {"time": …} for a Date; prints a list of JSON, for each call its answer or its error.
const Mailgun = require('mailgun.js')
const FormData = require('form-data')

const [url, key] = process.argv.slice(2)
const calls = JSON.parse(require('fs').readFileSync(0, 'utf8'), (_, value) =>
  value && value.base64 ? Buffer.from(value.base64, 'base64') : value && value.time ? new Date(value.time) : value
)
const client = new Mailgun(FormData).client({ username: 'api', key, url })

async function say ([path, ...words]) {
  const names = path.split('.')
  const method = names.pop()
  const group = names.reduce((found, name) => found[name], client)
  return group[method](...words)
}

async function main () {
  const answers = []
  for (const call of calls) {
    answers.push((await say(call).catch(
      error => ({ error: error.type || error.name, status: error.status, details: error.details || error.message })
    )) ?? null)
  }
  console.log(JSON.stringify(answers))
}

main()
