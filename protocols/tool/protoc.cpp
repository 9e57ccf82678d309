#include "protoc.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include <spawn.h>

#include "exit_code.hpp"

extern char** environ;

namespace twister::tool {

namespace {

// What a child writes; unlike a pipe, nobody has to read it meanwhile.
class Capture {
 public:
  Capture() : descriptor_(::memfd_create("protoc", MFD_CLOEXEC)) {
    if (descriptor_ < 0) throw UsageError("memfd_create: " + std::string(std::strerror(errno)));
  }
  ~Capture() { ::close(descriptor_); }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  int descriptor() const noexcept { return descriptor_; }
  std::string text() const {
    std::string all;
    char bytes[4096];
    for (ssize_t size = 0;
         (size = ::pread(descriptor_, bytes, sizeof bytes, static_cast<off_t>(all.size()))) > 0;) {
      all.append(bytes, static_cast<std::size_t>(size));
    }
    return all;
  }

 private:
  int descriptor_;
};

// Runs a program of the path, and returns its exit status; 127 when there is none.
int run(std::vector<std::string> words, const Capture& output, const Capture& errors) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, output.descriptor(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, errors.descriptor(), STDERR_FILENO);
  pid_t child = -1;
  const int error =
      ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return 127;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

std::vector<std::string> command(const std::vector<std::string>& files,
                                 const std::vector<std::string>& imports) {
  std::vector<std::string> words = {"protoc", "--include_imports",
                                    "--descriptor_set_out=/dev/stdout"};
  for (const std::string& folder : imports) words.push_back("-I" + folder);
  if (imports.empty()) {
    for (const std::string& file : files) {
      const std::filesystem::path folder = std::filesystem::path(file).parent_path();
      words.push_back("-I" + (folder.empty() ? "." : folder.string()));
    }
  }
  // A file is never an option.
  for (const std::string& file : files) words.push_back((file.starts_with('-') ? "./" : "") + file);
  return words;
}

}  // namespace

google::protobuf::FileDescriptorSet compile_protos(const std::vector<std::string>& files,
                                                   const std::vector<std::string>& imports) {
  const Capture output;
  const Capture errors;
  const int status = run(command(files, imports), output, errors);
  if (status == 127) {
    throw UsageError(
        "--proto needs protobuf's compiler, protoc, which cannot be run (Debian: "
        "protobuf-compiler)");
  }
  const std::string what = errors.text();
  if (status != 0) throw InputError("--proto: " + what.substr(0, what.find_last_not_of('\n') + 1));
  google::protobuf::FileDescriptorSet set;
  if (!set.ParseFromString(output.text())) throw InputError("--proto: protoc wrote no descriptors");
  return set;
}

std::unique_ptr<Schema> schema_of(const Arguments& arguments) {
  const std::vector<std::string> files = arguments.values("proto");
  if (files.empty()) return nullptr;
  return std::make_unique<Schema>(compile_protos(files, arguments.values("import")));
}

}  // namespace twister::tool
