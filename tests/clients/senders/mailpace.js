// MailPace's own client: mailpace.js HOST TOKEN, a list of letters as JSON on stdin; prints the answers as a list of JSON.
const MailPace = require('@mailpace/mailpace.js')

const [requestHost, token] = process.argv.slice(2)
const letters = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const client = new MailPace.DomainClient(token, { requestHost })

async function main () {
  const answers = []
  for (const letter of letters) {
    answers.push(await client.sendEmail(letter).catch(
      error => ({ name: error.constructor.name, message: error.message, status: error.statusCode })
    ))
  }
  console.log(JSON.stringify(answers))
}

main()
