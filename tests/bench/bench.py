#!/usr/bin/env python3
"""twister beside a raw epoll server and its peers, on this machine.

Servers are pinned to one core and the load to another. All servers of a workload are alive at once and are
driven in short alternating slices; each slice is compared with the yardstick's of the same round, and the
ratios are pooled over several fresh processes, because the same binary differs by a few per cent from process
to process. The server's CPU time a message is the figure to trust: the clock of a shared machine is not.
"""
import argparse
import sys
from pathlib import Path

import compile_time
import idle
import report
import workloads
from servers import need_two_cores

PARTS = ("workloads", "latency", "calls", "idle", "compile")


def main():
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=f"{root}/build/release", help=argparse.SUPPRESS)
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part; may be repeated")
    parser.add_argument("--only", default="", metavar="TEXT", help="only workloads whose name has it")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="only raw epoll and twister")
    parser.add_argument("--processes", type=int, default=3, metavar="N", help="fresh processes (3)")
    parser.add_argument("--rounds", type=int, default=8, metavar="N", help="slices of each server in a process (8)")
    parser.add_argument("--slice", type=int, default=150, metavar="MS", help="milliseconds (150)")
    parser.add_argument("--quick", action="store_true", help="one process, four rounds: a first look")
    parser.add_argument("--save", metavar="FILE", help="where the figures go (build/bench/last.jsonl)")
    parser.add_argument("--svg", metavar="FILE", help="draw a picture")
    parser.add_argument("--compare", metavar="FILE", help="say what changed since these figures were saved")
    parser.add_argument("--probe", type=int, metavar="N", help="only hold up to N idle connections")
    settings = parser.parse_args()
    need_two_cores()
    if settings.quick:
        settings.processes, settings.rounds = 1, 4
    before = report.read(settings.compare) if settings.compare else None
    if settings.probe:
        idle.probe(settings.build, settings.probe)
        return

    rows = []
    parts = settings.part or (["workloads"] if settings.only else PARTS)
    try:
        if "workloads" in parts:
            print(f"Median [middle half] of {settings.processes} processes x {settings.rounds} rounds of "
                  f"{settings.slice} ms; less CPU and more rate are better")
            for workload in workloads.WORKLOADS:
                if settings.only in workload.name:
                    found = workloads.measure(settings.build, workload, settings)
                    report.print_workload(found, first=not rows)
                    rows += found
        for part, measure, show in (
                ("latency", lambda: workloads.measure_latency(settings.build, settings), report.print_latency),
                ("calls", lambda: workloads.measure_calls(settings.build, settings), report.print_calls),
                ("idle", lambda: idle.measure_idle(settings.build, settings.peers), report.print_idle),
                ("compile", lambda: compile_time.measure_compile(settings.build), compile_time.print_compile)):
            if part in parts:
                found = measure()
                show(found)
                rows += found
    except KeyboardInterrupt:
        print("\nstopped; what is done is kept")

    path = Path(settings.save or root / "build/bench/last.jsonl")
    path.parent.mkdir(parents=True, exist_ok=True)
    report.save(path, rows)
    print(f"\nkept in {path}; --compare with it later")
    if settings.svg:
        report.draw(settings.svg, rows)
    if before is not None:
        report.compare(before, rows)


if __name__ == "__main__":
    sys.exit(main())
