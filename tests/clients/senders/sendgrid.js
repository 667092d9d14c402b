// SendGrid's own clients: sendgrid.js BASE KEY, a list of steps as JSON on stdin: [send | sendMultiple, message] or
// ["request", request]; prints what each was answered with as a list of JSON.
const client = require('@sendgrid/client')
const mail = require('@sendgrid/mail')

const [baseUrl, key] = process.argv.slice(2)
const steps = JSON.parse(require('fs').readFileSync(0, 'utf8'))
client.setApiKey(key)
client.setDefaultRequest('baseUrl', baseUrl)
mail.setClient(client)

async function take ([how, what]) {
  const [response, body] = how === 'request' ? await client.request(what) : await mail[how](what)
  return { status: response.statusCode, id: response.headers['x-message-id'], body }
}

async function main () {
  const answers = []
  for (const step of steps) {
    answers.push(await take(step).catch(
      error => ({ name: error.constructor.name, status: error.code, body: error.response && error.response.body })
    ))
  }
  console.log(JSON.stringify(answers))
}

main()
