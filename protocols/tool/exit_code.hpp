// exit_code.hpp - what the program tells the shell; docs/man/twister.1 has the same table.
#pragma once

#include <stdexcept>
#include <string>

namespace twister::tool {

enum class ExitCode {
  ok = 0,
  status = 1,  // the call ended with a status other than OK, or the peer's answer makes no sense
  usage = 2,   // bad arguments, or bad input
  connection = 3,    // no connection, or it was lost
  deadline = 4,      // DEADLINE_EXCEEDED
  output = 5,        // standard output could not be written
  interrupted = 130  // by SIGINT or SIGTERM, as shells say it
};

// Ends the program: one line on standard error, and this code.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& what) : runtime_error(what), code_(code) {}
  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

// What was to be sent makes no sense: code 2.
class InputError : public Failure {
 public:
  explicit InputError(const std::string& what) : Failure(ExitCode::usage, what) {}
};

// Bad arguments: the same, and a hint at --help.
class UsageError : public Failure {
 public:
  explicit UsageError(const std::string& what) : Failure(ExitCode::usage, what) {}
};

}  // namespace twister::tool
