"""The benchmark's workloads in numpy and numexpr, timed here: prints seconds by workload and library as JSON."""
import json
import sys
import time

import numpy as np

try:
    import numexpr as ne
except ImportError:
    ne = None

LEAST = 0.02  # seconds that a sample takes at least
ROUNDS = 7


def timed(run):
    run()
    calls, took = 1, 0.0
    while True:
        start = time.perf_counter()
        for _ in range(calls):
            run()
        took = time.perf_counter() - start
        if took >= LEAST:
            break
        calls = max(calls + 1, min(calls * 8, int(calls * LEAST * 1.1 / max(took, 1e-9))))
    samples = [took / calls]
    for _ in range(ROUNDS - 1):
        start = time.perf_counter()
        for _ in range(calls):
            run()
        samples.append((time.perf_counter() - start) / calls)
    return sorted(samples)[len(samples) // 2]


def workloads(n):
    random = np.random.default_rng(1)
    f32 = random.uniform(-1, 1, n).astype(np.float32)
    f64 = random.uniform(-1, 1, n)
    whole = np.floor(f64 * 1000)
    i32 = random.integers(-(2**31), 2**31, n).astype(np.int32)
    out32, out64, outi = np.empty_like(f32), np.empty_like(f64), np.empty_like(i32)
    two, one, half = np.float32(2), np.float32(1), np.float32(0.5)

    def map_filter_sum():
        y = f32 * two + one
        return y[y > half].sum(dtype=np.float64)

    def sum_squares():
        kept = f64[f64 > 0]
        return np.dot(kept, kept)

    def map_singles():
        np.multiply(f32, half, out=out32)
        np.add(out32, one, out=out32)

    def map_integers():
        np.multiply(i32, np.int32(3), out=outi)
        np.add(outi, np.int32(7), out=outi)

    def moving_average():
        s = f64[: n - 4] + f64[1 : n - 3]
        s += f64[2 : n - 2]
        s += f64[3 : n - 1]
        s += f64[4:]
        s /= 5
        return s

    in_numpy = {
        "mapFilterSum": map_filter_sum,
        "sumSquares": sum_squares,
        "mapSingles": map_singles,
        "filterSingles": lambda: f32[f32 > 0],
        "mapIntegers": map_integers,
        "prefixSum": lambda: np.cumsum(whole, out=out64),
        "movingAverage": moving_average,
    }
    if ne is None:
        return {"numpy": in_numpy}
    windows = dict(a=f64[: n - 4], b=f64[1 : n - 3], c=f64[2 : n - 2], d=f64[3 : n - 1], e=f64[4:])
    names = dict(f32=f32, f64=f64, i32=i32, two=two, one=one, half=half)
    in_numexpr = {
        "mapFilterSum": lambda: ne.evaluate("sum(where(f32 * two + one > half, f32 * two + one, 0))", local_dict=names),
        "sumSquares": lambda: ne.evaluate("sum(where(f64 > 0, f64 * f64, 0))", local_dict=names),
        "mapSingles": lambda: ne.evaluate("f32 * half + one", local_dict=names, out=out32),
        "mapIntegers": lambda: ne.evaluate("i32 * 3 + 7", local_dict=names, out=outi, casting="unsafe"),
        "movingAverage": lambda: ne.evaluate("(a + b + c + d + e) / 5", local_dict=windows),
    }
    return {"numpy": in_numpy, "numexpr": in_numexpr}


def main():
    sizes = [int(n) for n in sys.argv[1].split(",")]
    versions = [f"numpy {np.__version__}"] + ([] if ne is None else [f"numexpr {ne.__version__}, {ne.detect_number_of_cores()} threads"])
    rows = [
        {"library": library, "symbol": symbol, "n": n, "seconds": timed(run)}
        for n in sizes
        for library, runs in workloads(n).items()
        for symbol, run in runs.items()
    ]
    print(json.dumps({"versions": ", ".join(versions), "rows": rows}))


main()
