#!/bin/sh
# Installs the real programs that `make clients` and `make browser` drive: Debian packages (needs root), nodemailer and
# smtpapi from npm.
# Nothing of the system's mail set-up is touched: no service is started, Postfix gets no configuration.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
packages="swaks curl msmtp s-nail postfix opendkim opendkim-tools php-cli libphp-phpmailer
          knot unbound libauthen-sasl-perl libio-socket-ssl-perl ruby ruby-mail openssl chromium"
command -v npm >/dev/null 2>&1 || packages="$packages nodejs npm"

absent=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || absent="$absent $package"
done
if [ -n "$absent" ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "make clients and make browser need these Debian packages, and installing them needs root:$absent" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' > $policy
        chmod 755 $policy
        trap 'rm -f $policy' EXIT
    fi
    echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
    apt-get update -q
    # shellcheck disable=SC2086
    apt-get install -q -y --no-install-recommends $absent
fi

# node_modules stay out of the repository's files: `var/` is ignored.
node=${POSTHOUSE_CLIENTS_DIR:-$here/../../var/clients}
mkdir -p "$node"
if ! cmp -s "$here/senders/package-lock.json" "$node/package-lock.json" || [ ! -d "$node/node_modules" ]; then
    cp "$here/senders/package.json" "$here/senders/package-lock.json" "$node/"
    npm ci --prefix "$node" --no-audit --no-fund --ignore-scripts
fi
echo "the clients are installed"
