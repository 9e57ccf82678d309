// twister/protocols/protobuf_log.hpp - protobuf's own log lines in twister's log (link
// twister::protobuf too).
//
//   twister::log_protobuf();  // in main(), before there are connections
//
// protobuf writes a line to standard error for every string that is not UTF-8: whoever can connect
// could fill a disk with them, and the write waits for who reads it. Every server that speaks
// protobuf calls this.
#pragma once

#include <string>

#include <google/protobuf/stubs/logging.h>

#include <twister/log.hpp>

namespace twister {

// From now on they are events called `protobuf`, with what is said and where in protobuf's sources.
// What a peer has sent wrong is a warning here, as for any other codec, and an error there.
//
// Limits: those of the log, a line a second. Threads: any, but it takes the place of the process's
// one handler, and so does google::protobuf::SetLogHandler().
inline void log_protobuf() {
  namespace pb = google::protobuf;
  pb::SetLogHandler([](pb::LogLevel level, const char* file, int line, const std::string& message) {
    const LogLevel ours = level == pb::LOGLEVEL_FATAL  ? LogLevel::error
                          : level == pb::LOGLEVEL_INFO ? LogLevel::info
                                                       : LogLevel::warning;
    log(ours, "protobuf", {{"what", message}, {"at", file + (":" + std::to_string(line))}});
  });
}

}  // namespace twister
