// A program with a state, for tests: a coordinator or a participant of sync points, over the C API alone, so
// that it can be built for any system. Its state is kept as the system it runs on keeps it: a number of that
// one's word size and byte order, and bytes.
//
//     sync_program coordinate JOB HOST:PORT...
//     sync_program participate FILE|DIRECTORY/ [HOST:]PORT
//     sync_region_program participate region:NAME [HOST:]PORT
//
// It takes commands from its standard input, and answers each with a line: "ok ..." or "error ERRNO
// SENTENCE".
//
//     set NUMBER TEXT     the state      grow BYTES      bytes behind the text, the same for the same NUMBER
//     show                NUMBER TEXT, bytes and their sum
//     sync                takes a sync point: ok NUMBER
//     rollback-of HOST:PORT  ok NUMBER: of this participant alone
//     rollback [NUMBER]   ok NUMBER      newest          ok NUMBER (0: none), and whether it must roll back
//     session N HOST:PORT    a session with the files of a participant, a pmemckpt-filed; what follows is in
//     one open N PATH FLAGS      ok HANDLE (r, w, c, x, t, a)   close N HANDLE   leave N read N HANDLE BYTES
//     ok TEXT       write N HANDLE TEXT     seek N HANDLE OFFSET   ok POSITION truncate N HANDLE SIZE rename
//     N FROM TO        remove N PATH fail save|restore ERRNO            the next ones fail; 0: no more slow
//     MS             each save takes so long
#include <pmemckpt/sync.h>
#ifdef WITH_REGIONS
#include <pmemckpt/sync_region.h>
#endif

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
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

struct FreeFiles {
    void operator()(pmemckpt_files* files) const { pmemckpt_close_files(files); }
};
using Sessions = std::map<std::uint64_t, std::unique_ptr<pmemckpt_files, FreeFiles>>;

std::uint32_t flags_of(const std::string& letters) {
    std::uint32_t flags = 0;
    for (const char letter : letters)
        if (const auto* place = std::strchr("rwcxta", letter))
            flags |= 1U << (place - "rwcxta");
    return flags;
}

void answer_read(pmemckpt_files* files, std::uint32_t handle, std::size_t size) {
    std::string text(size, '\0');
    const auto got = pmemckpt_file_read(files, handle, text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    answer_status(got, text);
}

/// Of files; whether it was one.
bool take_files(Sessions& sessions, pmemckpt_coordinator* coordinator, const std::string& command,
                std::istringstream& line) {
    std::uint64_t number = 0;
    std::string first, second;
    std::int64_t amount = 0;
    line >> number;
    if (command == "session") {
        line >> first;
        sessions.erase(number);
        pmemckpt_files* files = nullptr;
        const int status = pmemckpt_open_files(coordinator, first.c_str(), number, &files);
        sessions[number].reset(files);
        answer_status(status);
        return true;
    }
    auto* const files = sessions.contains(number) ? sessions[number].get() : nullptr;
    if (!files)
        return false;
    std::int64_t status = 0;
    std::uint32_t handle = 0;
    if (command == "open") {
        line >> first >> second;
        status = pmemckpt_file_open(files, first.c_str(), flags_of(second), 0644);
        answer_status(status, std::to_string(status));
    } else if (command == "read") {
        line >> handle >> amount;
        answer_read(files, handle, static_cast<std::size_t>(amount));
    } else if (command == "write") {
        line >> handle >> std::ws;
        std::getline(line, first);
        answer_status(pmemckpt_file_write(files, handle, first.data(), first.size()));
    } else if (command == "seek") {
        line >> handle >> amount;
        status = pmemckpt_file_seek(files, handle, amount, amount < 0 ? SEEK_END : SEEK_SET);
        answer_status(status, std::to_string(status));
    } else if (command == "position") {
        line >> handle;
        status = pmemckpt_file_seek(files, handle, 0, SEEK_CUR);
        answer_status(status, std::to_string(status));
    } else if (command == "truncate") {
        line >> handle >> amount;
        answer_status(pmemckpt_file_truncate(files, handle, static_cast<std::uint64_t>(amount)));
    } else if (command == "close") {
        line >> handle;
        answer_status(pmemckpt_file_close(files, handle));
    } else if (command == "leave") {
        answer_status(pmemckpt_leave_files(files));
    } else if (command == "rename") {
        line >> first >> second;
        answer_status(pmemckpt_file_rename(files, first.c_str(), second.c_str()));
    } else if (command == "remove") {
        line >> first;
        answer_status(pmemckpt_file_remove(files, first.c_str()));
    } else if (command == "size") {
        line >> first;
        status = pmemckpt_file_size(files, first.c_str());
        answer_status(status, std::to_string(status));
    } else {
        return false;
    }
    return true;
}

void take(State& state, Sessions& sessions, pmemckpt_coordinator* coordinator, const std::string& whole) {
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
    if (coordinator && take_files(sessions, coordinator, command, line))
        return;
    answer("error 22 no such command: " + whole);
}

void take_all(State& state, pmemckpt_coordinator* coordinator) {
    Sessions sessions;
    for (std::string line; std::getline(std::cin, line);)
        take(state, sessions, coordinator, line);
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

/// The storage that "region:NAME" is; 1: the place is none, or this is built without. A state has
/// $SYNC_STATE_BYTES at most.
int open_region([[maybe_unused]] const std::string& place, [[maybe_unused]] pmemckpt_sync_storage& storage) {
#ifdef WITH_REGIONS
    const std::string prefix = "region:";
    if (place.rfind(prefix, 0) == 0) {
        const char* const bytes = std::getenv("SYNC_STATE_BYTES");
        const int status = pmemckpt_sync_region_open(nullptr, place.c_str() + prefix.size(),
                                                     bytes ? std::strtoull(bytes, nullptr, 10) : 0, &storage);
        if (status != 0)
            answer("error " + std::to_string(-status) + " " + pmemckpt_error());
        return status;
    }
#endif
    return 1;
}

int participate(State& state, const pmemckpt_sync_program& program, char** arguments) {
    pmemckpt_participant_options options{};
    pmemckpt_sync_storage storage{};
    const std::string place = arguments[0];
    const int region = open_region(place, storage);
    if (region < 0)
        return 1;
    if (region == 0)
        options.storage = &storage;
    else
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
