// pmemckpt-filed: serves the files of a directory, and takes part in sync points. See pmemckpt-filed(8).
//
//   main ──► Participant ──► Session ──► Job ──► Files::program()      sync points
//                               └──────► FileService ──► Files         requests for files
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "lib/base/address_file.hh"
#include "lib/base/exit_status.hh"
#include "lib/base/last_words.hh"
#include "lib/base/log.hh"
#include "lib/sync/participant.hh"
#include "utils/pmemckpt-filed/file_service.hh"
#include "utils/pmemckpt-filed/options.hh"

namespace pmemckpt::filed {

namespace {

/// Before any thread is made, so that none takes them.
sigset_t hold_signals() {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error with a sentence
    sigset_t ending;
    ::sigemptyset(&ending);
    for (const int number : {SIGTERM, SIGINT})
        ::sigaddset(&ending, number);
    ::pthread_sigmask(SIG_BLOCK, &ending, nullptr);
    return ending;
}

/// As many files as the system lets this one have.
void allow_many_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// What is served may be written by all who come, and is rolled back.
Status check_is_not_served(const Options& options, const std::string& path, const char* what) {
    std::error_code error;
    const auto find = [&](const std::string& name) {
        return std::filesystem::weakly_canonical(std::filesystem::absolute(name), error);
    };
    const auto own = find(options.directory) / kOwnFolder;
    const auto place = find(path);
    if (error)
        return fail_errno(error.value(), "can't find {}", path);
    const auto is_in = [&](const std::filesystem::path& folder) {
        return std::ranges::mismatch(folder, place).in1 == folder.end();
    };
    if (is_in(own.parent_path()) && !is_in(own))
        return fail(EINVAL, "the {}, {}, is in the directory that is served: take another place", what, path);
    return {};
}

Status check_options(const Options& options) {
    TRY(check_is_not_served(options, options.key_dir, "directory with the keys"));
    const auto& directory = options.checkpoint_directory;
    return check_is_not_served(options, directory.empty() ? options.checkpoint_file : directory,
                               directory.empty() ? "checkpoint file" : "checkpoint directory");
}

/// Before anything is rolled back, or begun anew, in a directory that has lost some of it.
Status check_can_go_back(const Files& files, const sync::Snapshot& participant) {
    std::vector<sync::SyncPointId> held;
    for (const auto& one : participant.table.held())
        held.push_back(one.point.id);
    return files.check_can_go_back(held, participant.job.empty());
}

Status serve(const Options& options, const sigset_t& ending) {
    TRY(check_options(options));
    auto files = TRY(Files::open(options.directory));
    auto checkpoint =
        TRY(options.checkpoint_directory.empty() ? sync::open_one_file(options.checkpoint_file)
                                                 : sync::open_file_each(options.checkpoint_directory));
    TRY(check_can_go_back(*files, checkpoint->snapshot()));
    const std::shared_ptr<sync::Job> job =
        TRY(sync::Job::open(std::move(checkpoint), files->program(), options.keep));
    sync::Participant::Options settings;
    settings.listen = options.listen;
    settings.key_dir = options.key_dir;
    settings.principal = options.principal;
    std::atomic<std::uint64_t> next{kFirstOfNoJob};
    settings.service = [&files, job, &next] { return std::make_unique<FileService>(*files, *job, next++); };
    const auto participant = TRY(sync::Participant::start(settings, job));
    log::notice("serving {} on {}", options.directory, format_address(participant->address()));
    if (!options.address_file.empty())
        TRY(write_address_file(options.address_file, {participant->address()}));
    int signal = 0;
    ::sigwait(&ending, &signal);
    log::notice("stopping");
    return {};
}

Status run(int argc, const char* const* argv) {
    const auto started = TRY(parse_options(argc, argv));
    if (!started.options) {
        if (std::fputs(started.text.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
            return fail_errno(errno, "can't write to standard output");
        return {};
    }
    if (started.options->verbose)
        log::set_level(log::Level::info);
    allow_many_files();
    return serve(*started.options, hold_signals());
}

}  // namespace

}  // namespace pmemckpt::filed

int main(int argc, char** argv) {
    pmemckpt::set_last_words("pmemckpt-filed",
                             "; ending at once: the job is rolled back to its last sync point");
    const auto served = pmemckpt::filed::run(argc, argv);
    if (served)
        return pmemckpt::kExitSuccess;
    pmemckpt::log::error("{}", served.error().message);
    return pmemckpt::exit_status(served.error().code);
}
