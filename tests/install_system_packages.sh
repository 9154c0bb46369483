#!/bin/sh
# Install what the tests drive for real and Debian has: SLURM with accounting, a browser, sshd, and Prometheus. Says so where it cannot.
set -eu
command -v slurmctld >/dev/null && command -v slurmd >/dev/null && command -v slurmdbd >/dev/null &&
    command -v munged >/dev/null && { command -v mariadbd || command -v mysqld; } >/dev/null &&
    command -v chromium >/dev/null && [ -x /usr/sbin/sshd ] && command -v prometheus >/dev/null && command -v promtool >/dev/null && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "SLURM, Chromium, sshd or Prometheus is missing and only root on Debian can install them here: their tests will be skipped." >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# services of the machine's own must not start: every test brings up a private sandbox
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends \
    slurmctld slurmd slurm-client slurmdbd munge mariadb-server chromium chromium-driver openssh-server prometheus >/dev/null
