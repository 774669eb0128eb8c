"""Takes a CPU away in a rhythm, as a real-time task: busy for some seconds, idle for some. hog.py CPU BUSY IDLE"""
import os
import sys
import time

cpu, busy, idle = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
with open("/proc/self/comm", "w") as comm:
    comm.write("hog")
os.sched_setaffinity(0, {cpu})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
print("ready", flush=True)
while True:
    end = time.monotonic() + busy
    while time.monotonic() < end:
        pass
    time.sleep(idle)
