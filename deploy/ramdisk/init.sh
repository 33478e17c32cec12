#!/bin/sh
# The ramdisk's first process: makes a Linux of it, runs the agent, and does what the agent left in $AFTER.
export PATH=/usr/bin:/usr/sbin
export RUN=/run/mulligan AFTER=/run/mulligan/after

mount -t devtmpfs devtmpfs /dev
mkdir -p /proc /sys /run /tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=0700 tmpfs /run
mkdir -p "$RUN"

# Whatever happens to the agent, the machine ends up off: a machine that is on without anybody in charge helps no one.
echo poweroff >"$AFTER"

# The kernel's log is the only log: it goes to every console, and disk errors stand between the agent's lines.
setsid /agent.sh </dev/null >/dev/kmsg 2>&1

sync
umount "$RUN/medium" 2>/dev/null && eject "/dev/$(cat "$RUN/medium.name")" 2>/dev/null
case "$(cat "$AFTER")" in
reboot) reboot -f ;;
*) poweroff -f ;;
esac
