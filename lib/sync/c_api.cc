// The C API of sync points: sync.h over coordinator.hh and participant.hh. No exception leaves it.
#include <cstring>

#include "lib/sync/c_api.hh"
#include "lib/sync/participant.hh"
#include "lib/sync/storage_file.hh"

// These are the ABI of libpmemckpt-sync.so.1.
static_assert(sizeof(pmemckpt_sync_program) == 3 * sizeof(void*));
static_assert(sizeof(pmemckpt_coordinator_options) == 5 * sizeof(void*) + 32);
static_assert(sizeof(pmemckpt_participant_options) == 6 * sizeof(void*) + 32);
static_assert(sizeof(pmemckpt_sync_storage) == 16 * sizeof(void*));

namespace {
struct CloseStorage {
    void operator()(const pmemckpt_sync_storage* storage) const {
        if (storage->close)
            storage->close(storage->context);
        delete storage;
    }
};
using Storage = std::unique_ptr<const pmemckpt_sync_storage, CloseStorage>;
}  // namespace

struct pmemckpt_participant {
    Storage storage;  // its checkpoint file's: goes last
    std::unique_ptr<pmemckpt::sync::Participant> participant;
    std::string address;
};
struct pmemckpt_sync_sink {
    const pmemckpt::sync::Sink& sink;
    std::optional<pmemckpt::Error> failed;
};
struct pmemckpt_sync_source {
    const pmemckpt::sync::Source& source;
    std::optional<pmemckpt::Error> failed;
};

namespace {

using namespace pmemckpt;
using namespace pmemckpt::c_api;

thread_local std::string the_explanation;  // of the program's function that is running

/// Of one of the program's functions. A sink or a source that failed knows better why.
template <class Call>
Status outcome(const char* function, const std::optional<Error>& failed, Call&& call) {
    the_explanation.clear();
    const int returned = call();
    if (failed)
        return tl::unexpected(*failed);
    if (returned == 0)
        return {};
    const int code = code_of(returned);
    if (the_explanation.empty())
        return fail_errno(code, "the program's {} function failed", function);
    return fail(code, "the program's {} function failed: {}", function, the_explanation);
}

Result<sync::Program> program_of(const char* function, const pmemckpt_sync_program* given) {
    TRY(need(function, "program", given));
    TRY(need(function, "program->save", reinterpret_cast<const void*>(given->save)));
    TRY(need(function, "program->restore", reinterpret_cast<const void*>(given->restore)));
    const auto program = *given;
    return sync::Program{[program](const sync::SyncPointId& id, const sync::Sink& sink) {
                             pmemckpt_sync_sink handle{sink, {}};
                             return outcome("save", handle.failed, [&] {
                                 return program.save(program.context, id.number, &handle);
                             });
                         },
                         [program](const sync::SyncPointId& id, const sync::Source& source) {
                             pmemckpt_sync_source handle{source, {}};
                             return outcome("restore", handle.failed, [&] {
                                 return program.restore(program.context, id.number, &handle);
                             });
                         }};
}

Status check_reserved(const char* function, const std::uint32_t (&reserved)[7]) {
    for (const auto field : reserved)
        if (field != 0)
            return fail(EINVAL, "{}: options->reserved must be 0", function);
    return {};
}

std::string key_directory(const char* given) {
    return given ? given : default_key_directory();
}

Result<sync::Coordinator::Options> read_options(const pmemckpt_coordinator_options& given) {
    TRY(check_reserved("pmemckpt_coordinate", given.reserved));
    if (given.count != 0)
        TRY(need("pmemckpt_coordinate", "options->participants", given.participants));
    sync::Coordinator::Options options;
    options.job = text_or_empty(given.job);
    for (std::size_t i = 0; i < given.count; ++i) {
        TRY(need("pmemckpt_coordinate", "a participant", given.participants[i]));
        options.participants.emplace_back(given.participants[i]);
    }
    options.principal = given.principal ? given.principal : default_principal();
    options.key_dir = key_directory(given.key_dir);
    if (given.timeout_ms != 0)
        options.timeout_ms = given.timeout_ms;
    return options;
}

Result<std::unique_ptr<sync::CheckpointFile>> open_file(const pmemckpt_participant_options& given) {
    if ((given.file != nullptr) + (given.directory != nullptr) + (given.storage != nullptr) != 1)
        return fail(EINVAL,
                    "pmemckpt_participate: give options->file or options->directory or options->storage");
    if (given.storage)
        return sync::open_storage(*given.storage);
    return given.file ? sync::open_one_file(given.file) : sync::open_file_each(given.directory);
}

Result<std::unique_ptr<sync::Participant>> start(const pmemckpt_participant_options& given,
                                                 const pmemckpt_sync_program* program) {
    TRY(check_reserved("pmemckpt_participate", given.reserved));
    auto made = TRY(program_of("pmemckpt_participate", program));
    sync::Participant::Options options;
    if (given.listen)
        options.listen = TRY(parse_address(given.listen, sync::kDefaultSyncPort));
    options.principal = text_or_empty(given.principal);
    options.key_dir = key_directory(given.key_dir);
    if (given.keep > sync::kMostKept)
        return fail(EINVAL, "pmemckpt_participate: options->keep is {}: {} at most", given.keep,
                    sync::kMostKept);
    auto file = TRY(open_file(given));
    auto job = TRY(sync::Job::open(std::move(file), std::move(made), given.keep == 0 ? 2 : given.keep));
    return sync::Participant::start(options, std::move(job));
}

}  // namespace

extern "C" {

const char* pmemckpt_sync_error(void) {
    return c_api::the_sentence;
}

int pmemckpt_sync_write(pmemckpt_sync_sink* sink, const void* bytes, size_t size) {
    return guarded([&]() -> Status {
        if (!sink->failed)
            if (auto written = sink->sink({static_cast<const std::byte*>(bytes), size}); !written)
                sink->failed = std::move(written).error();
        return sink->failed ? Status(tl::unexpected(*sink->failed)) : Status();
    });
}

int64_t pmemckpt_sync_read(pmemckpt_sync_source* source, void* into, size_t size) {
    std::size_t count = 0;
    const int status = guarded([&]() -> Status {
        while (!source->failed && count < size) {
            auto got = source->source({static_cast<std::byte*>(into) + count, size - count});
            if (!got)
                source->failed = std::move(got).error();
            else if (*got == 0)
                break;
            else
                count += *got;
        }
        return source->failed ? Status(tl::unexpected(*source->failed)) : Status();
    });
    return status < 0 ? status : static_cast<int64_t>(count);
}

void pmemckpt_sync_explain(const char* sentence) {
    static_cast<void>(guarded([&]() -> Status {
        the_explanation = std::string(text_or_empty(sentence)).substr(0, c_api::kSentenceBytes);
        return {};
    }));
}

int pmemckpt_coordinate(const pmemckpt_coordinator_options* options, const pmemckpt_sync_program* program,
                        pmemckpt_coordinator** coordinator) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_coordinate", "options", options));
        TRY(need("pmemckpt_coordinate", "coordinator", coordinator));
        *coordinator = nullptr;
        auto read = TRY(read_options(*options));
        auto made = TRY(program_of("pmemckpt_coordinate", program));
        auto opened = TRY(sync::Coordinator::open(std::move(read), std::move(made)));
        *coordinator = new pmemckpt_coordinator{std::move(opened)};
        return {};
    });
}

void pmemckpt_end_coordination(pmemckpt_coordinator* coordinator) {
    delete coordinator;
}

uint64_t pmemckpt_newest_sync_point(const pmemckpt_coordinator* coordinator) {
    const auto& newest = coordinator->coordinator->newest();
    return newest ? newest->number : 0;
}

int pmemckpt_must_roll_back(const pmemckpt_coordinator* coordinator) {
    return coordinator->coordinator->must_roll_back() ? 1 : 0;
}

int pmemckpt_take_sync_point(pmemckpt_coordinator* coordinator, uint64_t* number) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_take_sync_point", "coordinator", coordinator));
        const auto id = TRY(coordinator->coordinator->sync_point());
        if (number)
            *number = id.number;
        return {};
    });
}

int pmemckpt_roll_back(pmemckpt_coordinator* coordinator, uint64_t number, uint64_t* restored) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_roll_back", "coordinator", coordinator));
        const auto wanted = number == 0 ? std::nullopt : std::optional(number);
        const auto id = TRY(coordinator->coordinator->rollback(wanted));
        if (restored)
            *restored = id.number;
        return {};
    });
}

int pmemckpt_roll_back_some(pmemckpt_coordinator* coordinator, const char* const* participants, size_t count,
                            uint64_t number, uint64_t* restored) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_roll_back_some", "coordinator", coordinator));
        TRY(need("pmemckpt_roll_back_some", "participants", participants));
        const auto wanted = number == 0 ? std::nullopt : std::optional(number);
        std::vector<std::string> some;
        for (std::size_t i = 0; i < count; ++i) {
            TRY(need("pmemckpt_roll_back_some", "a participant", participants[i]));
            some.emplace_back(participants[i]);
        }
        const auto id = TRY(coordinator->coordinator->rollback_of(some, wanted));
        if (restored)
            *restored = id.number;
        return {};
    });
}

int pmemckpt_participate(const pmemckpt_participant_options* options, const pmemckpt_sync_program* program,
                         pmemckpt_participant** participant) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_participate", "options", options));
        Storage storage(options->storage ? new pmemckpt_sync_storage(*options->storage) : nullptr);
        TRY(need("pmemckpt_participate", "participant", participant));
        *participant = nullptr;
        auto started = TRY(start(*options, program));
        auto address = format_address(started->address());
        *participant = new pmemckpt_participant{std::move(storage), std::move(started), std::move(address)};
        return {};
    });
}

const char* pmemckpt_participant_address(const pmemckpt_participant* participant) {
    return participant->address.c_str();
}

void pmemckpt_end_participation(pmemckpt_participant* participant) {
    delete participant;
}

}  // extern "C"
