"""What users of the application notice, and what the agent weighs.

measure.py watch COMMAND...   runs the command; prints as JSON when it ran, what it said, when /health did not answer, the agent's memory
measure.py idle SECONDS       the agent's daemon, doing nothing for so long
"""

import json
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import time

HEALTH_EVERY = 0.01
WEIGH_EVERY = 0.02
PATIENCE = 60


def main(verb, *arguments):
    print(json.dumps({"watch": watch, "idle": idle}[verb](*arguments)))


def watch(*command):
    latest = multiprocessing.Value("d", 0.0)
    over = multiprocessing.Event()
    told = multiprocessing.SimpleQueue()
    watchers = [multiprocessing.Process(target=one, args=(latest, over, told)) for one in (ask_for_health, weigh)]
    for watcher in watchers:
        watcher.start()
    wait_for_answer_after(latest, time.time() + 0.5)
    began = time.time()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    ended = time.time()
    wait_for_answer_after(latest, ended)
    over.set()
    result = {"began": began, "ended": ended, "code": done.returncode, "out": done.stdout, "err": done.stderr}
    for _ in watchers:
        result.update(told.get())
    for watcher in watchers:
        watcher.join()
    return result


def wait_for_answer_after(latest, when):
    deadline = time.time() + PATIENCE
    while latest.value <= when and time.time() < deadline:
        time.sleep(0.01)


def ask_for_health(latest, over, told):
    """`away`: pairs of the last good answer before and the first good answer after each time without one."""
    away, unanswered = [], False
    while not over.is_set():
        if healthy():
            now = time.time()
            if unanswered and latest.value:
                away.append([latest.value, now])
            latest.value, unanswered = now, False
        else:
            unanswered = True
        time.sleep(HEALTH_EVERY)
    told.put({"away": away})


def healthy():
    try:
        with socket.create_connection(("127.0.0.1", 8000), timeout=2) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def weigh(_, over, told):
    """`peak`: the most that all processes of the agent weighed together, shared pages shared out, in KiB."""
    peak, peak_of = 0, {}
    while not over.is_set():
        weights = {pid: pss(pid) for pid in agents()}
        if sum(weights.values()) > peak:
            peak, peak_of = sum(weights.values()), {verb(pid): weight for pid, weight in weights.items()}
        time.sleep(WEIGH_EVERY)
    told.put({"peak": peak, "peak_of": peak_of})


def agents():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.path.basename(os.readlink(f"/proc/{pid}/exe")).split(" ")[0] == "surefoot":
                yield pid
        except OSError:
            pass


def verb(pid):
    words = read(f"/proc/{pid}/cmdline").split("\0")[1:]
    return " ".join(word for word in words if word and not word.startswith("-"))


def pss(pid):
    return kib(f"/proc/{pid}/smaps_rollup", "Pss")


def kib(path, key):
    found = re.search(rf"^{key}:\s+(\d+) kB", read(path), re.MULTILINE)
    return int(found[1]) if found else 0


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def idle(seconds):
    pid = subprocess.check_output(["systemctl", "show", "--value", "-p", "MainPID", "surefoot.service"], text=True).strip()
    before = spent(pid)
    time.sleep(float(seconds))
    after = spent(pid)
    return {
        "rss": kib(f"/proc/{pid}/status", "VmRSS"),
        "pss": pss(pid),
        "seconds": float(seconds),
        "cpu": after[0] - before[0],
        "wakeups": after[1] - before[1],
    }


def spent(pid):
    """CPU time in seconds, finer than clock ticks, and how often it went to sleep, of all its threads."""
    cpu = sum(int(read(f"/proc/{pid}/task/{task}/schedstat").split()[0]) for task in os.listdir(f"/proc/{pid}/task"))
    sleeps = sum(
        int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", read(f"/proc/{pid}/task/{task}/status"), re.MULTILINE)[1])
        for task in os.listdir(f"/proc/{pid}/task")
    )
    return cpu / 1e9, sleeps


if __name__ == "__main__":
    main(*sys.argv[1:])
