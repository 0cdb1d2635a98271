#!/bin/bash
# Records the programs of this folder again: root, Linux, perf, strace, python3, redis, a JDK, node, gcc.
#
#   Examples/record-all.sh QUIRE OUTPUT-DIRECTORY [NAME ...]
#
# Everything runs in /tmp/build with an environment of three variables, so that a recording holds no more of the machine
# than the programs' own paths.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
quire=$(realpath "$1")
mkdir -p "$2" /tmp/build /tmp/home
out=$(realpath "$2")
shift 2
names=${*:-"jemalloc redis java node gcc"}
cp "$here"/programs/* /tmp/build
cd /tmp/build

record() { # NAME COMMAND...
    local name=$1
    shift
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp/home LANG=C.UTF-8 \
        "$quire" record -o "$out/$name.q.xz" -- "$@"
}
warm() { cat "$@" > /dev/null 2>&1 || true; } # fault-around maps only what the page cache holds
snapshot() { kill -USR1 "$recorder" && sleep 1.5; }
libraries=/usr/lib/x86_64-linux-gnu
warm $libraries/lib{c,m,z,expat,stdc++,gcc_s,ssl,crypto,systemd,lzma,zstd,cap,lua5.1,jemalloc}*.so.* /usr/lib/locale/C.utf8/LC_*

for name in $names; do
    case $name in
    jemalloc)
        warm /usr/bin/python3
        (record jemalloc env LD_PRELOAD=$libraries/libjemalloc.so.2 MALLOC_CONF=dirty_decay_ms:0,muzzy_decay_ms:0 \
            python3 -S -E waves.py)
        ;;
    redis)
        warm /usr/bin/redis-server
        rm -f dump.rdb
        (record redis redis-server --port 7777 --bind 127.0.0.1 --save '' --dir /tmp/build --rdb-key-save-delay 300) \
            > redis.log &
        recorder=$!
        until redis-cli -p 7777 ping > /dev/null 2>&1; do sleep 0.3; done
        redis-benchmark -p 7777 -t set,lpush -n 12000 -r 12000 -d 900 -c 8 -q
        sleep 0.5
        snapshot # the data is in
        redis-cli -p 7777 bgsave
        sleep 0.3
        redis-benchmark -p 7777 -t set -n 1500 -r 12000 -d 900 -c 8 -q
        snapshot # the child still writes, the parent has copied what it changed
        while redis-cli -p 7777 info persistence | grep -q bgsave_in_progress:1; do sleep 0.5; done
        redis-cli -p 7777 flushall
        sleep 0.5
        snapshot # empty again
        redis-cli -p 7777 shutdown nosave || true
        wait
        ;;
    java)
        javac -d . Reserve.java
        warm $libraries/../jvm/*/lib/server/* $libraries/../jvm/*/lib/*.so
        (record java java -Xms8m -Xmx4g -XX:+UseSerialGC -XX:-ShrinkHeapInSteps -XX:-UsePerfData -cp . Reserve) &
        recorder=$!
        # 1.5 seconds into each of the three sleeps: the log of labels is the recorder's, so the clock must do.
        sleep 2
        snapshot
        sleep 1.8
        snapshot
        sleep 1.8
        snapshot
        wait
        ;;
    node)
        warm /usr/bin/node
        (record node node --expose-gc cage.js)
        ;;
    gcc)
        python3 generate-c.py > a.c
        gcc -O2 -o a.out a.c -lm
        (record gcc gcc -O2 -o a.out a.c -lm) &
        recorder=$!
        sleep 1.2
        for _ in 1 2; do
            kill -USR1 $recorder
            sleep 0.9
        done
        wait
        ;;
    esac
done
