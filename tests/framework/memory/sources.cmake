# Tests of everything above sockets: memory transports, a manual clock, no sockets, no sleeps.
# The list is absolute, so that it may be included from anywhere.
set(TWISTER_MEMORY_TESTS
  admin_request_test.cpp
  admin_server_test.cpp
  backpressure_test.cpp
  client_protocol_test.cpp
  clock_test.cpp
  close_test.cpp
  counters_test.cpp
  drain_test.cpp
  eof_test.cpp
  establish_test.cpp
  example_test.cpp
  exceptions_test.cpp
  io_stream_read_test.cpp
  io_stream_test.cpp
  lifecycle_test.cpp
  limits_test.cpp
  metrics_test.cpp
  output_queue_test.cpp
  reconnecting_client_test.cpp
  proxy_protocol_test.cpp
  relay_test.cpp
  sent_test.cpp
  slow_consumer_test.cpp
  server_test.cpp
  shared_bytes_test.cpp
  tcp_client_test.cpp
  timeouts_test.cpp
  transport_test.cpp
  watchdog_test.cpp)
list(TRANSFORM TWISTER_MEMORY_TESTS PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
