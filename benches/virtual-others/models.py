#!/usr/bin/env python3
"""The models of `tandem.yaml` and `chain.yaml` in SimPy and in Ciw.

`models.py simpy|ciw tandem|chain SECONDS` runs one for so many seconds of virtual time, and prints
how many calls that were, the CPU seconds they took, and their mean latency.
"""

import json
import random
import sys
import time

RATE = 1000.0  # calls a second
WORK = 0.0008  # the mean service time in the tandem, in seconds
LAST_WORK = 0.005  # that of the chain's last node
TRANSIT = 30e-6
TIMEOUT = 1.0
HOPS = 4


def simpy_tandem(seconds):
    import simpy

    env = simpy.Environment()
    rng = random.Random(1)
    servers = [simpy.Resource(env, capacity=1) for _ in range(HOPS)]
    latencies = []

    def call():
        begun = env.now
        for server in servers:
            with server.request() as request:
                yield request
                yield env.timeout(rng.expovariate(1 / WORK))
        latencies.append(env.now - begun)

    return simpy_run(env, rng, call, seconds, latencies)


def simpy_chain(seconds):
    import simpy

    env = simpy.Environment()
    rng = random.Random(1)
    latencies = []

    def serve(hop):
        yield env.timeout(TRANSIT)
        if hop == HOPS:
            yield env.timeout(rng.expovariate(1 / LAST_WORK))
        else:
            yield from attempt(hop + 1)
        yield env.timeout(TRANSIT)

    def attempt(hop):
        served = env.process(serve(hop))
        yield served | env.timeout(TIMEOUT)
        assert served.triggered, "a call has timed out, which is as good as impossible here"

    def call():
        begun = env.now
        yield from attempt(1)
        latencies.append(env.now - begun)

    return simpy_run(env, rng, call, seconds, latencies)


def simpy_run(env, rng, call, seconds, latencies):
    def arrivals():
        while env.now < seconds:
            yield env.timeout(rng.expovariate(RATE))
            env.process(call())

    env.process(arrivals())
    begin = time.process_time()
    env.run()
    return time.process_time() - begin, latencies


def ciw_tandem(seconds):
    import ciw

    ciw.seed(1)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(RATE)] + [None] * (HOPS - 1),
        service_distributions=[ciw.dists.Exponential(1 / WORK)] * HOPS,
        number_of_servers=[1] * HOPS,
        routing=[[float(to == of + 1) for to in range(HOPS)] for of in range(HOPS)],
    )
    simulation = ciw.Simulation(network)
    begin = time.process_time()
    simulation.simulate_until_max_time(seconds)
    took = time.process_time() - begin
    calls = (individual.data_records for individual in simulation.nodes[-1].all_individuals)
    return took, [records[-1].exit_date - records[0].arrival_date for records in calls]


MODELS = {("simpy", "tandem"): simpy_tandem, ("simpy", "chain"): simpy_chain, ("ciw", "tandem"): ciw_tandem}


def main():
    engine, model, seconds = sys.argv[1:]
    took, latencies = MODELS[engine, model](float(seconds))
    mean_ms = sum(latencies) / len(latencies) * 1e3
    print(json.dumps({"calls": len(latencies), "seconds": took, "mean_ms": mean_ms}))


if __name__ == "__main__":
    main()
