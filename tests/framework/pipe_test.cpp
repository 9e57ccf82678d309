// Streams over pipes.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>

#include <twister/io_stream.hpp>
#include <twister/make_connection.hpp>

#include "support/socket_test.hpp"

namespace twister::testing {
namespace {

// Two streams, joined by two pipes.
class Pipes : public SocketTest {
 protected:
  Pipes() {
    std::array<int, 2> there{};
    std::array<int, 2> back{};
    EXPECT_EQ(::pipe2(there.data(), O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(back.data(), O_CLOEXEC), 0);
    near = IOStream(loop, make_pipe_transport(loop, back[0], there[1]));
    far = IOStream(loop, make_pipe_transport(loop, there[0], back[1]));
  }
  std::string read(IOStream& from, std::size_t bytes) {
    std::optional<std::string> data;
    from.read_bytes(bytes, [&](std::error_code, ByteView got) { data = as_text(got); });
    run_until([&] { return data.has_value(); });
    return data.value_or("");
  }

  IOStream near;
  IOStream far;
};

TEST_P(Pipes, CarryBytesBothWays) {
  near.write("there");
  far.write("back");
  EXPECT_EQ(read(far, 5), "there");
  EXPECT_EQ(read(near, 4), "back");
}

TEST_P(Pipes, AMebibyteFitsThroughAPipeThatHoldsLess) {
  const std::string large(1 << 20, 'x');
  std::optional<std::error_code> sent;
  near.write(large);
  near.when_sent([&](std::error_code error) { sent = error; });
  EXPECT_EQ(read(far, large.size()).size(), large.size());
  run_until([&] { return sent.has_value(); });
  EXPECT_EQ(sent, std::error_code());
}

TEST_P(Pipes, TheEndOfTheWriterIsTheEndOfTheStream) {
  near.write("last");
  near.close();
  std::optional<std::error_code> end;
  std::string received;
  far.read_until_close([&](std::error_code error, ByteView all) {
    end = error;
    received = as_text(all);
  });
  run_until([&] { return end.has_value(); });
  EXPECT_EQ(end, std::error_code());
  EXPECT_EQ(received, "last");
}

// As a child process does that closes its standard input, prints, and exits.
class OneWayLeft : public SocketTest {
 protected:
  OneWayLeft() {
    EXPECT_EQ(::pipe2(there.data(), O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(back.data(), O_CLOEXEC), 0);
    near = IOStream(loop, make_pipe_transport(loop, back[0], there[1]));
    near.set_close_callback([&](const CloseReason& why) { reason = why; });
    loop.run_until_idle();
    ::close(there[0]);
  }
  void print(std::string_view text) {
    EXPECT_EQ(::write(back[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  std::array<int, 2> there{};
  std::array<int, 2> back{};
  IOStream near;
  std::optional<CloseReason> reason;
};

TEST_P(OneWayLeft, IsReadToItsEndWhenNobodyReadsTheOther) {
  std::string received;
  std::optional<std::error_code> end;
  loop.run_until_idle();
  print("the report");
  loop.run_until_idle();
  near.read_until_close([&](std::error_code error, ByteView all) {
    end = error;
    received = as_text(all);
  });
  loop.run_until_idle();
  ::close(back[1]);
  run_until([&] { return end.has_value() && reason.has_value(); });
  EXPECT_EQ(end, std::error_code());
  EXPECT_EQ(received, "the report");
  EXPECT_TRUE(reason->clean()) << reason->message();
}

TEST_P(OneWayLeft, WritingToTheOtherFailsAndLosesNothingThatHasCome) {
  print("the report");
  std::string received;
  near.read_until_close([&](ByteView chunk) { received += as_text(chunk); });
  near.write("too late");
  run_until([&] { return reason.has_value(); });
  EXPECT_EQ(received, "the report");
  EXPECT_EQ(reason->code, Errc::reset);
  ::close(back[1]);
}

INSTANTIATE_TEST_SUITE_P(Reactors, OneWayLeft, both_reactors, name_of_reactor);

TEST_P(Pipes, AReaderThatIsGoneIsAnErrorAndNoSignal) {
  std::optional<CloseReason> reason;
  near.set_close_callback([&](const CloseReason& why) { reason = why; });
  far = IOStream();
  run_until([&] {
    near.write("into the void");
    return reason.has_value();
  });
  EXPECT_FALSE(near.is_open());
}

TEST_P(Pipes, OneWithoutAnInputReadsAsEnded) {
  std::array<int, 2> only{};
  ASSERT_EQ(::pipe2(only.data(), O_CLOEXEC), 0);
  IOStream output(loop, make_pipe_transport(loop, -1, only[1]));
  output.set_keep_open(true);
  std::optional<std::error_code> end;
  output.read_bytes(1, [&](std::error_code error, ByteView) { end = error; });
  run_until([&] { return end.has_value(); });
  EXPECT_EQ(end, Errc::end_of_stream);
  output.write("x");
  IOStream input(loop, make_pipe_transport(loop, only[0], -1));
  EXPECT_EQ(read(input, 1), "x");
}

INSTANTIATE_TEST_SUITE_P(Reactors, Pipes, both_reactors, name_of_reactor);

}  // namespace
}  // namespace twister::testing
