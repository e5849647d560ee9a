// pmemckpt-ctl watch: what happens to a region, a JSON line each, and a command when its primary is lost.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "lib/base/log.hh"
#include "lib/pool/pool.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/json.hh"
#include "utils/pmemckpt-ctl/on_failure.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

using Milliseconds = std::chrono::milliseconds;
constexpr Milliseconds kFirstRetry(100);
constexpr Milliseconds kLongestRetry(5000);
constexpr std::uint32_t kWithoutEnd = UINT32_MAX;
constexpr std::uint64_t kFromNowOn = UINT64_MAX;  // of Client::watch

bool is_lost_connection(const Error& error) {
    return exit_status(error.code) == kExitConnection;
}

class Watcher {
public:
    Watcher(const Common& common, const Watch& request) : options_(common.connection), request_(request) {}

    Status run() {
        client_ = TRY(client::Client::connect(options_));
        if (request_.after)
            last_.number = *request_.after;
        while (request_.count == 0 || printed_ < request_.count) {
            auto list = client_->watch(request_.region, wanted(), kWithoutEnd);
            if (list)
                TRY(take(*list));
            else if (is_lost_connection(list.error()))
                TRY(reconnect(list.error()));
            else
                return tl::unexpected(list.error());
        }
        return {};
    }

private:
    /// The event that was seen last. The time tells whether a manager that was started anew counts from 1
    /// again.
    struct Last {
        std::uint64_t number = kFromNowOn;
        std::int64_t time_ns = 0;  // 0: not known
        bool is(const wire::Event& event) const {
            return event.number == number && (time_ns == 0 || event.time_ns == time_ns);
        }
    };

    /// Behind which event to ask; of a manager that may be another one, so that the last one is told again.
    std::uint64_t wanted() const { return to_compare() ? last_.number - 1 : last_.number; }
    bool to_compare() const { return reconnected_ && last_.number != kFromNowOn && last_.number > 0; }

    Status take(wire::EventList& list) {
        if (!to_compare()) {
            reconnected_ = false;
            return show(list);
        }
        reconnected_ = false;
        if (list.events.empty() || list.lost > 0)
            return show(list);  // the last one is too long ago
        if (last_.is(list.events.front())) {
            list.events.erase(list.events.begin());
            return show(list);
        }
        log::warning("the manager was started anew: its events are numbered from 1 again");
        last_ = {0, 0};
        return list.events.front().number == 1 ? show(list) : Status();
    }

    Status show(const wire::EventList& list) {
        if (list.lost > 0)
            log::warning("{} of {} came too fast or too long ago: the manager does not have them any more",
                         plural(list.lost, "event"), request_.region);
        for (const auto& event : list.events) {
            last_ = {event.number, event.time_ns};
            const auto line = event_line(request_.region, event);
            TRY(print(line));
            ++printed_;
            if (event.kind == wire::EventKind::primary_lost)
                TRY(react(line.substr(0, line.size() - 1)));
            if (printed_ == request_.count)
                break;
        }
        return {};
    }

    /// Once: what it starts may well be lost in turn.
    Status react(const std::string& event) {
        if (request_.on_failure.empty() || reacted_)
            return {};
        reacted_ = true;
        return run_on_failure(request_.on_failure, request_.region, event, options_);
    }

    Status reconnect(const Error& why) {
        log::warning("{}; trying until the manager is there again", why.message);
        for (auto pause = kFirstRetry;; pause = std::min(2 * pause, kLongestRetry)) {
            std::this_thread::sleep_for(pause);
            auto again = client::Client::connect(options_);
            if (again) {
                client_ = std::move(*again);
                reconnected_ = true;
                log::warning("connected again: watching {}{}", request_.region,
                             last_.number == kFromNowOn ? "; what happened meanwhile is not known" : "");
                return {};
            }
            if (!is_lost_connection(again.error()))
                return tl::unexpected(again.error());
        }
    }

    const client::Options options_;
    const Watch& request_;
    std::shared_ptr<client::Client> client_;
    Last last_;
    std::uint64_t printed_ = 0;
    bool reconnected_ = false;  // and nothing has come since
    bool reacted_ = false;
};

}  // namespace

Status watch(const Common& common, const Watch& request) {
    TRY(pool::check_region_name(request.region));
    return Watcher(common, request).run();
}

}  // namespace pmemckpt::ctl
