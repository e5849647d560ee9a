// ledger_batch: a batch over files on three other systems, which survives the death of any of the four.
//
//     transactions ──read──►  ledger_batch  ──read, write──►  master file: a record for each account
//     "ACCOUNT AMOUNT"                      ──write────────►  report: a line for each transaction
//
//     ledger_batch --transactions one:7472/today --master two:7472/accounts --report three:7472/today
//
// Each of the others runs pmemckpt-filed. Every N transactions the batch takes a sync point: what it knows,
// the bytes of all files, and where it is in them. When one of the four dies, all go back to the newest sync
// point, and the batch goes on from there: each transaction is applied once, whatever happened.
//
// What matters is in batch.cc; what the batch knows is in ledger.hh; here is what happens when something
// fails.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "utils/examples/ledger_batch/batch.hh"

namespace {

using namespace ledger_batch;

bool is_connection(int code) {
    switch (code) {
        case ECONNREFUSED:
        case ECONNRESET:
        case ECONNABORTED:
        case EPIPE:
        case ETIMEDOUT:
        case EHOSTUNREACH:
        case ENETUNREACH: return true;
        default: return false;
    }
}

/// Somebody died, and may come again. All else, a full disk or a wrong key say, is for people to mend.
bool may_pass(const sync::Error& error) {
    return is_connection(error.code().value()) || error.must_roll_back() || error.is_in_doubt();
}

/// How long to wait before the next try, and for how long to try at all.
class Patience {
public:
    explicit Patience(std::chrono::seconds limit) : limit_(limit) { renew(); }
    void renew() {
        wait_ = kShortest;
        end_ = Clock::now() + limit_;
    }
    bool is_over() const { return Clock::now() >= end_; }
    std::chrono::milliseconds next_wait() {
        const auto now = wait_;
        wait_ = std::min(2 * wait_, kLongest);
        return now;
    }

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds kShortest{20}, kLongest{2'000};

    const std::chrono::seconds limit_;
    std::chrono::milliseconds wait_{};
    Clock::time_point end_;
};

/// What is lost with a service is got back as after a crash of this program: all begins anew, at the newest
/// sync point. There is no second way, which would be tried less often.
void run_to_the_end(const Settings& settings) {
    Patience patience{std::chrono::seconds(settings.patience_s)};
    std::uint64_t newest = 0;
    for (;;) {
        const auto before = newest;
        try {
            Batch(settings, newest).run();
            return;
        } catch (const sync::Error& error) {
            if (newest > before)
                patience.renew();  // it came further: the services are not broken, they only die often
            if (!may_pass(error) || patience.is_over())
                throw;
            const auto wait = patience.next_wait();
            tell(std::string(error.what()) + "; trying again in " + std::to_string(wait.count()) + " ms");
            std::this_thread::sleep_for(wait);
        }
    }
}

/// The same in every program of pmemckpt: pmemckpt(7), EXIT STATUS.
int exit_status(int code) {
    if (is_connection(code) || code == EINPROGRESS)
        return 6;
    switch (code) {
        case EINVAL: return 2;
        case ENOENT: return 3;
        case EBUSY:
        case EEXIST: return 4;
        case ENOSPC:
        case EFBIG: return 5;
        case EBADMSG:
        case EIO:
        case EPROTO:
        case EUCLEAN: return 7;
        case EACCES:
        case EPERM:
        case EKEYREJECTED:
        case ESTALE: return 8;
        default: return 1;
    }
}

int report(const std::exception& error, int status) {
    tell(error.what());
    return status;
}

}  // namespace

int main(int count, char** arguments) {
    try {
        Settings settings;
        if (read_options(count, arguments, settings))
            run_to_the_end(settings);
        return 0;
    } catch (const sync::Error& error) {
        return report(error, exit_status(error.code().value()));
    } catch (const std::invalid_argument& error) {
        return report(error, 2);
    } catch (const Damaged& error) {
        return report(error, 7);
    } catch (const std::exception& error) {
        return report(error, 1);
    }
}
