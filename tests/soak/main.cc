// soak: pools, managers, primaries, backups and mounts that are killed at random, thousands of times; and an
// account of what they were told.
//
//     soak run programs=build/bin directory=/tmp [time=1h] [seed=N] [worlds=2] [kills=N] [slowness=N]
//          [pause_us=N] [kill_pause_ms=N] [mount=0] [host=127.0.0.1]
//
// The other roles are started by it.
#include <cstdio>
#include <exception>
#include <stdexcept>

#include "tests/soak/audit.hh"
#include "tests/soak/member.hh"
#include "tests/soak/run.hh"
#include "tests/soak/view.hh"

namespace {

using namespace soak;

int play(const std::string& role, const Settings& settings) {
    Orders orders;
    if (role == "run")
        return run_worlds(settings);
    if (role == "primary")
        run_primary(Member(settings), ckpt::Client(), orders);
    else if (role == "backup")
        run_backup(Member(settings), settings.text("cursor"), orders);
    else if (role == "view")
        run_view(settings, orders);
    else if (role == "audit")
        run_audit(settings);
    else
        throw std::invalid_argument("there is no role " + role);
    return 0;
}

int report(const std::exception& error, int status) {
    std::fprintf(stderr, "soak: %s\n", error.what());
    return status;
}

}  // namespace

int main(int count, char** words) {
    try {
        if (count < 2)
            throw std::invalid_argument("usage: soak run programs=DIR directory=DIR [time=10m] [seed=N] ...");
        return play(words[1], Settings(count - 2, words + 2));
    } catch (const ckpt::Error& error) {
        return report(error, exit_status(error));
    } catch (const std::invalid_argument& error) {
        return report(error, 2);
    } catch (const std::exception& error) {
        return report(error, 1);
    }
}
