// A program with a state, for tests: a coordinator or a participant of sync points, over the C API alone, so
// that it can be built for any system. Its state is kept as the system it runs on keeps it: a number of that
// one's word size and byte order, and bytes.
//
//     sync_program coordinate JOB HOST:PORT...
//     sync_program participate FILE|DIRECTORY/ [HOST:]PORT
//
// It takes commands from its standard input, and answers each with a line: "ok ..." or "error ERRNO
// SENTENCE".
//
//     set NUMBER TEXT     the state      grow BYTES      bytes behind the text, the same for the same NUMBER
//     show                NUMBER TEXT, bytes and their sum
//     sync                takes a sync point: ok NUMBER
//     rollback-of HOST:PORT  ok NUMBER: of this participant alone
//     rollback [NUMBER]   ok NUMBER      newest          ok NUMBER (0: none), and whether it must roll back
//     fail save|restore ERRNO            the next ones fail; 0: no more
//     slow MS             each save takes so long
#include <pmemckpt/sync.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

struct State {
    std::mutex mutex;
    unsigned long number = 0;  // NOLINT: the system's own word
    std::string text, bytes;
    int save_fails = 0, restore_fails = 0;
    unsigned slow_ms = 0;
};

int save(void* context, std::uint64_t, pmemckpt_sync_sink* sink) {
    auto& state = *static_cast<State*>(context);
    std::unique_lock lock(state.mutex);
    const auto slow = std::chrono::milliseconds(state.slow_ms);
    lock.unlock();
    std::this_thread::sleep_for(slow);
    lock.lock();
    if (state.save_fails != 0)
        return -state.save_fails;
    const unsigned long sizes[] = {state.number, state.text.size(), state.bytes.size()};
    for (const auto& [place, size] : {std::pair<const void*, std::size_t>{sizes, sizeof sizes},
                                      {state.text.data(), state.text.size()},
                                      {state.bytes.data(), state.bytes.size()}})
        if (const int status = pmemckpt_sync_write(sink, place, size); status != 0)
            return status;
    return 0;
}

bool read_all(pmemckpt_sync_source* source, void* into, std::size_t size) {
    return pmemckpt_sync_read(source, into, size) == static_cast<std::int64_t>(size);
}

int restore(void* context, std::uint64_t, pmemckpt_sync_source* source) {
    auto& state = *static_cast<State*>(context);
    const std::lock_guard lock(state.mutex);
    if (state.restore_fails != 0)
        return -state.restore_fails;
    unsigned long sizes[3];
    if (!read_all(source, sizes, sizeof sizes))
        return -EBADMSG;
    std::string text(sizes[1], '\0'), bytes(sizes[2], '\0');
    if (!read_all(source, text.data(), text.size()) || !read_all(source, bytes.data(), bytes.size()))
        return -EBADMSG;
    state.number = sizes[0];
    state.text = std::move(text);
    state.bytes = std::move(bytes);
    return 0;
}

void answer(const std::string& line) {
    std::cout << line << std::endl;
}
void answer_status(std::int64_t status, const std::string& what = {}) {
    answer(status >= 0 ? "ok " + what : "error " + std::to_string(-status) + " " + pmemckpt_sync_error());
}

std::string shown(State& state) {
    const std::lock_guard lock(state.mutex);
    std::uint32_t sum = 1;
    for (const unsigned char byte : state.bytes)
        sum = sum * 31 + byte;
    std::ostringstream text;
    text << state.number << ' ' << state.text << ' ' << state.bytes.size() << ' ' << sum;
    return text.str();
}

/// Of the state alone; whether it was one.
bool change(State& state, const std::string& command, std::istringstream& line) {
    const std::lock_guard lock(state.mutex);
    if (command == "set") {
        line >> state.number >> state.text;
    } else if (command == "grow") {
        std::size_t size = 0;
        line >> size;
        state.bytes.resize(size);
        std::uint32_t seed = static_cast<std::uint32_t>(state.number) + 1;
        for (auto& byte : state.bytes)
            byte = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
    } else if (command == "fail") {
        std::string what;
        int code = 0;
        line >> what >> code;
        (what == "save" ? state.save_fails : state.restore_fails) = code;
    } else if (command == "slow") {
        line >> state.slow_ms;
    } else {
        return false;
    }
    return true;
}

void take(State& state, pmemckpt_coordinator* coordinator, const std::string& whole) {
    std::istringstream line(whole);
    std::string command;
    line >> command;
    std::uint64_t number = 0;
    if (change(state, command, line))
        return answer("ok");
    if (command == "show")
        return answer("ok " + shown(state));
    if (coordinator && command == "sync") {
        const int status = pmemckpt_take_sync_point(coordinator, &number);
        return answer_status(status, std::to_string(number));
    }
    if (coordinator && command == "rollback") {
        std::uint64_t wanted = 0;
        line >> wanted;
        const int status = pmemckpt_roll_back(coordinator, wanted, &number);
        return answer_status(status, std::to_string(number));
    }
    if (coordinator && command == "rollback-of") {
        std::string address;
        line >> address;
        const char* const addresses[] = {address.c_str()};
        const int status = pmemckpt_roll_back_some(coordinator, addresses, 1, 0, &number);
        return answer_status(status, std::to_string(number));
    }
    if (coordinator && command == "newest")
        return answer("ok " + std::to_string(pmemckpt_newest_sync_point(coordinator)) +
                      (pmemckpt_must_roll_back(coordinator) ? " must roll back" : ""));
    answer("error 22 no such command: " + whole);
}

void take_all(State& state, pmemckpt_coordinator* coordinator) {
    for (std::string line; std::getline(std::cin, line);)
        take(state, coordinator, line);
}

int coordinate(State& state, const pmemckpt_sync_program& program, int count, char** arguments) {
    pmemckpt_coordinator_options options{};
    options.job = arguments[0];
    options.participants = arguments + 1;
    options.count = static_cast<std::size_t>(count - 1);
    if (const char* limit = std::getenv("SYNC_TIMEOUT_MS"))
        options.timeout_ms = static_cast<std::uint32_t>(std::atoi(limit));
    pmemckpt_coordinator* coordinator = nullptr;
    const int status = pmemckpt_coordinate(&options, &program, &coordinator);
    answer_status(status);
    if (status == 0)
        take_all(state, coordinator);
    pmemckpt_end_coordination(coordinator);
    return status == 0 ? 0 : 1;
}

int participate(State& state, const pmemckpt_sync_program& program, char** arguments) {
    pmemckpt_participant_options options{};
    const std::string place = arguments[0];
    (place.back() == '/' ? options.directory : options.file) = arguments[0];
    options.listen = arguments[1];
    pmemckpt_participant* participant = nullptr;
    const int status = pmemckpt_participate(&options, &program, &participant);
    answer_status(status, status == 0 ? pmemckpt_participant_address(participant) : "");
    if (status == 0)
        take_all(state, nullptr);
    pmemckpt_end_participation(participant);
    return status == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    State state;
    const pmemckpt_sync_program program{save, restore, &state};
    if (argc >= 4 && std::strcmp(argv[1], "coordinate") == 0)
        return coordinate(state, program, argc - 2, argv + 2);
    if (argc == 4 && std::strcmp(argv[1], "participate") == 0)
        return participate(state, program, argv + 2);
    std::fprintf(
        stderr,
        "usage: sync_program coordinate JOB HOST:PORT... | participate FILE|DIRECTORY/ [HOST:]PORT\n");
    return 2;
}
