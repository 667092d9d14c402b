# Ruby's mail library, as Rails' Action Mailer drives it: options.rb HOST PORT USER PASSWORD FROM TO, the mail as a
# JSON object on stdin.
require 'json'
require 'mail'

host, port, user, password, from, to = ARGV
wanted = JSON.parse($stdin.read)
mail = Mail.new(from: from, to: to, subject: wanted['subject'])
mail.text_part = Mail::Part.new { content_type 'text/plain; charset=UTF-8'; body wanted['text'] }
mail.html_part = Mail::Part.new { content_type 'text/html; charset=UTF-8'; body wanted['html'] }
wanted['headers'].each { |name, value| mail[name] = value }
# smtp_settings of a Rails application
mail.delivery_method :smtp, address: host, port: port.to_i, user_name: user, password: password,
                            authentication: 'plain', enable_starttls_auto: true, openssl_verify_mode: 'none'
mail.deliver!
puts 'delivered'
