// The service of the benchmarks, for Thrift.
namespace cpp bench_thrift

service Echo {
  binary call(1: binary payload)
}
