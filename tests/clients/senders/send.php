<?php
// PHPMailer: send.php MODE HOST PORT USER PASSWORD FROM TO, MODE is starttls or tls.
require '/usr/share/php/libphp-phpmailer/autoload.php';

use PHPMailer\PHPMailer\PHPMailer;

[, $mode, $host, $port, $user, $password, $from, $to] = $argv;
$mail = new PHPMailer(true);
$mail->isSMTP();
$mail->SMTPDebug = 2;
$mail->Debugoutput = fn ($text, $level) => print(rtrim($text) . "\n");
$mail->Host = $host;
$mail->Port = (int) $port;
$mail->SMTPAuth = true;
$mail->Username = $user;
$mail->Password = $password;
$mail->SMTPSecure = $mode === 'tls' ? PHPMailer::ENCRYPTION_SMTPS : PHPMailer::ENCRYPTION_STARTTLS;
$mail->SMTPOptions = ['ssl' => ['verify_peer' => false, 'verify_peer_name' => false, 'allow_self_signed' => true]];
$mail->CharSet = 'UTF-8';
$mail->setFrom($from, 'Prüfer');
$mail->addAddress($to);
$mail->Subject = 'PHPMailer grüßt';
$mail->isHTML(true);
$mail->Body = '<p>Hello from <b>PHPMailer</b></p>';
$mail->AltBody = "Hello from PHPMailer\n.\n..dots\n";
$mail->send();
