# Perl's Net::SMTP: send.pl MODE HOST PORT USER PASSWORD FROM TO, MODE is starttls or tls; the letter is on stdin.
use strict;
use warnings;
use Net::SMTP;

my ($mode, $host, $port, $user, $password, $from, $to) = @ARGV;
my @unverified = (SSL_verify_mode => 0);
my $smtp = Net::SMTP->new($host, Port => $port, Timeout => 20, SSL => $mode eq 'tls' ? 1 : 0, @unverified)
    or die "connect: $@";
if ($mode eq 'starttls') { $smtp->starttls(@unverified) or die 'STARTTLS: ' . $smtp->message }
$smtp->auth($user, $password) or die 'AUTH: ' . $smtp->message;
$smtp->mail($from) && $smtp->to($to) or die 'envelope: ' . $smtp->message;
$smtp->data(join '', <STDIN>) or die 'DATA: ' . $smtp->message;
print $smtp->code, ' ', $smtp->message;
$smtp->quit;
