// All records of all logs, as they come, by a process that has nothing to do with the pair: so that the audit
// need not believe what the pair says of itself. A log ends with the next generation; one that is open to be
// read can be read to its end all the same.
#include <cerrno>
#include <fstream>
#include <thread>

#include "utils/examples/process_pair/load.hh"
#include "utils/examples/process_pair/member.hh"
#include "utils/examples/process_pair/written.hh"

namespace process_pair {

namespace {

constexpr std::chrono::milliseconds kLookPeriod{10};

class Archivist {
public:
    explicit Archivist(const Archive& archive) : archive_(archive), file_(archive.output, std::ios::trunc) {
        client_.open_region(archive_.region);
        flush();
    }
    /// Until the connection is lost.
    void run() {
        for (;;)
            if (auto log = open_log())
                copy(*log);
            else
                std::this_thread::sleep_for(kLookPeriod);
    }

private:
    std::optional<ckpt::Log> open_log() try {
        return client_.read_log(archive_.region);
    } catch (const ckpt::Error& error) {
        if (error.code().value() != ENODATA)
            throw;
        return std::nullopt;
    }
    void copy(ckpt::Log& log) try {
        for (;;) {
            if (const auto record = log.next()) {
                write(*record);
                continue;
            }
            flush();
            std::this_thread::sleep_for(kLookPeriod);
        }
    } catch (const ckpt::Error& error) {
        if (error.code().value() != ESTALE)
            throw;
        flush();  // it has ended, and this was all of it
    }
    void write(const ckpt::Record& record) {
        const auto item = decode_log_item({static_cast<const char*>(record.bytes), record.size});
        if (item.kind == LogItem::Kind::transfer)
            file_ << to_line(Archived{item.entry, record.epoch}) << '\n';
    }
    void flush() {
        file_.flush();
        if (!file_)
            throw std::runtime_error("can't write " + archive_.output);
    }

    const Archive archive_;
    ckpt::Client client_;
    std::ofstream file_;
};

}  // namespace

void run_archive(const Archive& archive) {
    Archivist(archive).run();
}

}  // namespace process_pair
