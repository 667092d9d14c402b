<?php
// PHPMailer with option headers: options.php HOST PORT USER PASSWORD FROM TO, the mail as a JSON object on stdin.
require '/usr/share/php/libphp-phpmailer/autoload.php';

use PHPMailer\PHPMailer\PHPMailer;

[, $host, $port, $user, $password, $from, $to] = $argv;
$wanted = json_decode(stream_get_contents(STDIN), true);
$mail = new PHPMailer(true);
$mail->isSMTP();
$mail->SMTPDebug = 2;
$mail->Debugoutput = fn ($text, $level) => print(rtrim($text) . "\n");
$mail->Host = $host;
$mail->Port = (int) $port;
$mail->SMTPAuth = true;
$mail->Username = $user;
$mail->Password = $password;
$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;
$mail->SMTPOptions = ['ssl' => ['verify_peer' => false, 'verify_peer_name' => false, 'allow_self_signed' => true]];
$mail->CharSet = 'UTF-8';
$mail->setFrom($from);
$mail->addAddress($to);
$mail->Subject = $wanted['subject'];
$mail->isHTML(true);
$mail->Body = $wanted['html'];
$mail->AltBody = $wanted['text'];
foreach ($wanted['headers'] as $name => $value) {
    $mail->addCustomHeader($name, $value);
}
$mail->send();
