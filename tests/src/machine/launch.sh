# Boots the machine whose disk lies in PLACE. Runs in a private mount namespace: what it mounts vanishes with its last process.
# Usage: launch.sh PLACE LOWERDIRS MACHINE-ID HOST-NAME CGROUP... -- nspawn-arguments…   (standard input: a pipe that is never written to)
set -eu
place=$1 layers=$2 id=$3 name=$4
shift 4
kill=
while [ "$1" != -- ]; do
    echo 0 > "$1/cgroup.procs"
    if [ -e "$1/cgroup.kill" ]; then kill=$1/cgroup.kill; fi
    shift
done
shift

mount -o loop "$place/disk.img" "$place/disk"
[ -d "$place/disk/upper" ] || fresh=yes
mkdir -p "$place/disk/upper" "$place/disk/work"
# redirect_dir: a directory of the image can be renamed, as on any real disk. index: hard links survive their first change.
mount -t overlay overlay -o "lowerdir=$layers,upperdir=$place/disk/upper,workdir=$place/disk/work,redirect_dir=on,index=on" "$place/root"
if [ "${fresh-}" ]; then
    echo "$id" > "$place/root/etc/machine-id"
    echo "$name" > "$place/root/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost\n' "$name" > "$place/root/etc/hosts"
    # The power may be cut before the machine has made anything durable; who it is must not depend on that.
    sync -f "$place/disk"
fi

# Standard input ends when the test process ends, however that happens; then nothing of the machine may go on.
exec 3<&0
(cat <&3 > /dev/null; echo 1 > "$kill") &
exec 3<&-
exec systemd-nspawn --directory="$place/root" "$@" < /dev/null
