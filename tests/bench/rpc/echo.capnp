# The service of the benchmarks, for Cap'n Proto.
@0xb6a3c2d41f5e7089;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("bench_capnp");

interface Echo {
  call @0 (payload :Data) -> (payload :Data);
}
