#!/bin/sh
# Run tests on the SLURM of Debian 13 (24.11) and its Python (3.13): `debian_13.sh [pytest's arguments]`, as root on Debian.
#
# The system is made once, in a folder of the user's cache, and entered with its own mounts, which end with the script.
# Python packages come from the pip of $PYTHON (default python3), in the versions that are installed there.
set -eu
project=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/snakemake-executor-plugin-submitit
root=$cache/debian-13

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "debian_13.sh makes a Debian 13 with debootstrap, which takes root on Debian or Ubuntu." >&2
    exit 1
fi
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # one makes it, others wait

if [ ! -e "$root/made" ]; then
    command -v debootstrap >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
    # the mirror that this machine's own packages come from
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
    rm -rf --one-file-system "$root"
    debootstrap --variant=minbase --include=python3,procps trixie "$root" "$mirror"
    cp /etc/resolv.conf "$root/etc/"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # services must not start: every test has a private sandbox
    chmod +x "$root/usr/sbin/policy-rc.d"
    unshare --mount sh -euc '
        mount -t proc proc "$1/proc"
        DEBIAN_FRONTEND=noninteractive chroot "$1" apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends \
            slurmctld slurmd slurm-client slurmdbd munge mariadb-server >/dev/null
        chroot "$1" apt-get clean
        chroot "$1" python3 -m venv --without-pip /opt/venv
    ' sh "$root"
    touch "$root/made"
fi

# the same packages for the other Python, installed anew when one has changed
"$python" "$project/tests/slurm_sandbox/clean.py" "$project" >"$cache/requirements.txt"
if ! cmp -s "$cache/requirements.txt" "$root/opt/requirements.txt"; then
    library=$(echo "$root"/opt/venv/lib/python3.*)
    packages=$library/site-packages
    rm -rf "$packages" "$cache/wheels"
    # what has no wheel is pure Python: built here, for any Python
    "$python" -m pip wheel --quiet --no-deps --wheel-dir "$cache/wheels" -r "$cache/requirements.txt"
    find "$cache/wheels" -name '*.whl' ! -name '*-none-any.whl' -delete
    "$python" -m pip install --quiet --no-deps --no-compile --target "$packages" --python-version "${library##*python}" \
        --only-binary=:all: --find-links "$cache/wheels" -r "$cache/requirements.txt"
    rm -rf "$cache/wheels"
    echo /plugin/src >"$packages/plugin.pth"
    cp "$cache/requirements.txt" "$root/opt/"
fi
flock -u 9

mkdir -p "$root/plugin"
exec unshare --mount sh -euc '
    root=$1 project=$2
    shift 2
    mount --bind "$root" "$root" # a mount of its own, so that a test can have a private view of it
    mount -t proc proc "$root/proc"
    cp /etc/hosts "$root/etc/" # SLURM looks up the host name there
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    mount --bind "$project" "$root/plugin"
    mount -o remount,bind,ro "$root/plugin"
    exec chroot "$root" env -i HOME=/root PATH=/opt/venv/bin:/usr/sbin:/usr/bin PYTHONDONTWRITEBYTECODE=1 \
        CASCADA_REQUIRE_SLURM="${CASCADA_REQUIRE_SLURM:-1}" \
        sh -c "cd /plugin && exec python3 -m pytest -p no:cacheprovider \"\$@\"" sh "$@"
' sh "$root" "$project" "$@"
