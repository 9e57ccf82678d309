// twister: calls services, shows what there is to call, and speaks any codec by hand. See docs/man/twister.1.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <span>
#include <string>
#include <vector>

#include <google/protobuf/stubs/logging.h>

#include <twister/log.hpp>

#include "commands.hpp"
#include "line_editor.hpp"

namespace twister::tool {

namespace {

const Command* const commands[] = {&call_command, &list_command, &connect_command};

std::string help() {
  std::string text = "usage: twister COMMAND ...\n\n";
  for (const Command* each : commands) text.append("  ").append(each->summary).append("\n");
  return text +
         "\n"
         "  twister COMMAND --help, twister --version; all of it is in twister(1)\n"
         "\n"
         "exit codes: 0 OK, 1 the call's status was not OK, 2 bad arguments or input, 3 no "
         "connection,\n"
         "            4 a deadline has passed, 5 standard output cannot be written, 130 "
         "interrupted";
}

std::string version() {
  std::string text = "twister " TWISTER_TOOL_VERSION " (";
#ifdef TWISTER_TOOL_TLS
  text += "TLS, ";
#endif
  return text + (LineEditor::available() ? "line editing)" : "no line editing)");
}

ExitCode run(const Command& command, Console& console, std::span<const std::string> words) {
  const Arguments arguments(command.options, words);
  if (arguments.has("help")) {
    console.print(command.help());
    return ExitCode::ok;
  }
  arguments.expect(command.words);
  return command.run(console, arguments);
}

ExitCode run(Console& console, const std::vector<std::string>& words) {
  if (words.empty()) throw UsageError("a command is missing: call, list or connect");
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    console.print(help());
    return ExitCode::ok;
  }
  if (words[0] == "--version") {
    console.print(version());
    return ExitCode::ok;
  }
  std::vector<std::string> names;
  for (const Command* each : commands) {
    if (each->name == words[0]) return run(*each, console, std::span(words).subspan(1));
    names.emplace_back(each->name);
  }
  throw UsageError("there is no command " + words[0] + did_you_mean(words[0], names));
}

// Whoever starts the program without standard descriptors would find its sockets in their place. What stands
// there instead cannot be used either, so that nothing gets lost unnoticed.
void open_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) < 0)  // opening takes the lowest that is free: this one
      ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

int main_of(const std::vector<std::string>& words) {
  open_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);
  // What matters is said in one line of the program's own.
  set_log_sink([](const LogRecord&) {});
  google::protobuf::SetLogHandler(nullptr);
  Console console;
  try {
    return static_cast<int>(run(console, words));
  } catch (const UsageError& error) {
    console.complain(error.what());
    const bool in_command =
        !words.empty() && std::any_of(std::begin(commands), std::end(commands),
                                      [&](const Command* each) { return each->name == words[0]; });
    console.note("`twister " + (in_command ? words[0] + " " : std::string()) +
                 "--help` shows how it is used");
    return static_cast<int>(error.code());
  } catch (const Failure& failure) {
    console.complain(failure.what());
    return static_cast<int>(failure.code());
  } catch (const std::exception& error) {
    console.complain(error.what());
    return static_cast<int>(ExitCode::usage);
  }
}

}  // namespace

}  // namespace twister::tool

int main(int argc, char** argv) {
  return twister::tool::main_of({argv + 1, argv + argc});
}
