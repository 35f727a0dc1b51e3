#!/bin/sh
# Gives a mount namespace of its own what NetworkManager writes to, and takes away what would lead it out.
# Arguments: an empty folder; the name of the network namespace at the far ends of the cables; devices to leave alone.
set -eu
folder=$1
far=$2
unmanaged=$3

private=$folder/private
mkdir "$private"
mount -t tmpfs -o mode=0755 tmpfs "$private"

# NetworkManager replaces resolv.conf by renaming, so binding that one file would not do.
mkdir "$private/etc"
cp -a /etc/. "$private/etc"
touch "$private/far"
mount --bind "/run/netns/$far" "$private/far"
mount --bind "$private/etc" /etc

# The bus of the machine is in /run; its namespaces are named there.
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/dbus /run/netns
touch /run/netns/far
mount --bind "$private/far" /run/netns/far

# Services the bus would start by itself: ModemManager, polkit and others.
mount -t tmpfs tmpfs /usr/share/dbus-1/system-services
mkdir -p /var/lib/NetworkManager
mount -t tmpfs tmpfs /var/lib/NetworkManager

# The links of this network namespace. Read-only, NetworkManager takes itself to be in a container and does not wait
# for udev.
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs /sys

rm -rf /etc/NetworkManager/system-connections /etc/NetworkManager/conf.d
for folder_of_defaults in /usr/lib/NetworkManager/conf.d /usr/lib/NetworkManager/system-connections; do
    if [ -d "$folder_of_defaults" ]; then
        mount -t tmpfs tmpfs "$folder_of_defaults"
    fi
done
mkdir -p /etc/NetworkManager
cat >/etc/NetworkManager/NetworkManager.conf <<END
[main]
plugins=keyfile
auth-polkit=false
no-auto-default=*
hostname-mode=none
firewall-backend=none
[keyfile]
unmanaged-devices=$unmanaged
END
rm -f /etc/resolv.conf
: >/etc/resolv.conf

: >"$folder/ready"
exec sleep infinity
