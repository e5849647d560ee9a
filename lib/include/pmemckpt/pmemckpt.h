/* pmemckpt: checkpoints in persistent memory on another machine. See pmemckpt(3).
 *
 * Functions return 0, or a negative errno value; pmemckpt_error() then has one sentence that says what happened, of the
 * calling thread's last failed call. Handles are freed with their own call; freeing NULL does nothing.
 * Threads: a client may be used from many threads; a writer from one at a time; a reader from many.
 * This interface only grows within one shared-library version.
 */
#ifndef PMEMCKPT_H
#define PMEMCKPT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PMEMCKPT_API __attribute__((visibility("default")))

typedef struct pmemckpt_client pmemckpt_client;
typedef struct pmemckpt_buffer pmemckpt_buffer;
typedef struct pmemckpt_writer pmemckpt_writer;
typedef struct pmemckpt_reader pmemckpt_reader;
typedef struct pmemckpt_appender pmemckpt_appender;
typedef struct pmemckpt_log pmemckpt_log;
typedef struct pmemckpt_tracker pmemckpt_tracker;

/* Zero-initialize; NULL or 0 takes the environment's value, then the default. */
typedef struct pmemckpt_options {
    const char *server;    /* HOST[:PORT]; $PMEMCKPT_SERVER, localhost */
    const char *pool;      /* name or UUID; $PMEMCKPT_POOL, the manager's first */
    const char *principal; /* $PMEMCKPT_PRINCIPAL, the login name */
    const char *key_dir;   /* $PMEMCKPT_KEY_DIR, /etc/pmemckpt/keys */
    const char *transport; /* "auto", "iwarp", "verbs"; $PMEMCKPT_TRANSPORT, auto */
    uint32_t timeout_ms;   /* 10000 */
    uint32_t reserved[7];  /* 0 */
} pmemckpt_options;

/* How a generation's bytes are known to be persistent (pmemckpt.7, DURABILITY). */
enum pmemckpt_durability {
    PMEMCKPT_DURABILITY_PAGE = 1,
    PMEMCKPT_DURABILITY_GPSPM = 2,
    PMEMCKPT_DURABILITY_APM = 3,
    PMEMCKPT_DURABILITY_FLUSH = 4
};

typedef struct pmemckpt_generation {
    uint64_t number;     /* from 1, never reused in its region */
    uint64_t length;     /* bytes */
    int64_t sealed_ns;   /* nanoseconds since 1970, UTC */
    uint64_t epoch;
    uint32_t crc32c;     /* of the whole content */
    uint32_t durability; /* enum pmemckpt_durability */
    char writer[65];     /* the principal who sealed it */
    uint8_t pinned;      /* 1: retention does not drop it */
    char reserved[62];
} pmemckpt_generation;

PMEMCKPT_API const char *pmemckpt_error(void);
PMEMCKPT_API const char *pmemckpt_version(void);

PMEMCKPT_API int pmemckpt_connect(const pmemckpt_options *options, pmemckpt_client **client);
PMEMCKPT_API void pmemckpt_disconnect(pmemckpt_client *client);
/* From any thread: the connection is ended in an orderly way, as by pmemckpt_disconnect, and what waits on it in other threads
 * (pmemckpt_follow, pmemckpt_watch, pmemckpt_wait, ...) fails at once with -ESHUTDOWN, as all later calls do. It frees nothing. */
PMEMCKPT_API int pmemckpt_shut_down(pmemckpt_client *client);

/* Opens a region, created with these settings when it is missing (keep 0: 8 generations; max_size 0: no limit). */
PMEMCKPT_API int pmemckpt_open_region(pmemckpt_client *client, const char *region, uint32_t keep, uint64_t max_size);
PMEMCKPT_API int pmemckpt_destroy_region(pmemckpt_client *client, const char *region);

/* Names are freed with pmemckpt_free_names. Of the generations, oldest first, at most `room` are stored; *count: how many
 * there are. */
PMEMCKPT_API int pmemckpt_list_regions(pmemckpt_client *client, char ***names, size_t *count);
PMEMCKPT_API void pmemckpt_free_names(char **names, size_t count);
PMEMCKPT_API int pmemckpt_list_generations(pmemckpt_client *client, const char *region, pmemckpt_generation *generations,
                                           size_t room, size_t *count);

/* Memory that writes are sent from in place; it must live until pmemckpt_unregister. */
PMEMCKPT_API int pmemckpt_register(pmemckpt_client *client, void *memory, size_t size, pmemckpt_buffer **buffer);
PMEMCKPT_API void pmemckpt_unregister(pmemckpt_buffer *buffer);

/* A new generation of `size` bytes, all zero, seen by nobody before it is sealed. */
PMEMCKPT_API int pmemckpt_begin(pmemckpt_client *client, const char *region, uint64_t size, pmemckpt_writer **writer);
/* Asynchronous: the bytes must not change before pmemckpt_flush or pmemckpt_seal returned. */
PMEMCKPT_API int pmemckpt_write(pmemckpt_writer *writer, uint64_t offset, const void *bytes, size_t size);
PMEMCKPT_API int pmemckpt_write_buffer(pmemckpt_writer *writer, uint64_t offset, pmemckpt_buffer *buffer, size_t from,
                                       size_t size);
PMEMCKPT_API int pmemckpt_flush(pmemckpt_writer *writer);
/* Seals the first `length` bytes; on return 0 the generation is durable, by the method in generation->durability.
 * The writer is freed in any case. `generation` may be NULL. */
PMEMCKPT_API int pmemckpt_seal(pmemckpt_writer *writer, uint64_t length, pmemckpt_generation *generation);
PMEMCKPT_API void pmemckpt_abort(pmemckpt_writer *writer);

/* number 0: the newest. -ENODATA when the region has none yet. */
PMEMCKPT_API int pmemckpt_open(pmemckpt_client *client, const char *region, uint64_t number, pmemckpt_reader **reader);
PMEMCKPT_API void pmemckpt_generation_of(const pmemckpt_reader *reader, pmemckpt_generation *generation);
/* How many bytes were read: fewer than `size` only at the end. */
PMEMCKPT_API int64_t pmemckpt_read(pmemckpt_reader *reader, uint64_t offset, void *into, size_t size);
PMEMCKPT_API void pmemckpt_close(pmemckpt_reader *reader);

/* Waits for a generation above `after`, at most timeout_ms (UINT32_MAX: without end). -ETIMEDOUT. */
PMEMCKPT_API int pmemckpt_wait(pmemckpt_client *client, const char *region, uint64_t after, uint32_t timeout_ms,
                               pmemckpt_generation *generation);

/* Generations: kept when among the last `keep` (0: as it is), or younger than keep_age_ns (0: age keeps nothing), or pinned. */
PMEMCKPT_API int pmemckpt_set_retention(pmemckpt_client *client, const char *region, uint32_t keep, int64_t keep_age_ns);
PMEMCKPT_API int pmemckpt_pin(pmemckpt_client *client, const char *region, uint64_t number, int pinned);
/* Drops all generations, pins and the log; numbers go on rising. */
PMEMCKPT_API int pmemckpt_clear(pmemckpt_client *client, const char *region);

/* What principals, and groups of them, may do with a region; its owner, who created it, may do all (pmemckpt-security.7). */
enum pmemckpt_right {
    PMEMCKPT_RIGHT_READ = 1,
    PMEMCKPT_RIGHT_APPEND = 2,
    PMEMCKPT_RIGHT_WRITE = 4,
    PMEMCKPT_RIGHT_TAKE_OVER = 8,
    PMEMCKPT_RIGHT_ADMINISTER = 16
};

typedef struct pmemckpt_grant {
    uint32_t rights; /* enum pmemckpt_right, together */
    char who[66];    /* a principal, or '%' and the name of a group */
    char reserved[58];
} pmemckpt_grant;

/* Adds to what `who` may do with the region, or takes from it; by who may administer it, -EACCES otherwise. On return of
 * pmemckpt_revoke_rights nothing is read or written any more by what was taken: open generations and logs are closed. */
PMEMCKPT_API int pmemckpt_grant_rights(pmemckpt_client *client, const char *region, const char *who, uint32_t rights);
PMEMCKPT_API int pmemckpt_revoke_rights(pmemckpt_client *client, const char *region, const char *who, uint32_t rights);
/* Sorted by who; at most `room` are stored, *count: how many there are. Who may not administer the region sees his own. */
PMEMCKPT_API int pmemckpt_list_rights(pmemckpt_client *client, const char *region, pmemckpt_grant *grants, size_t room,
                                      size_t *count);
/* To a principal who has a key at the manager; by the owner alone. */
PMEMCKPT_API int pmemckpt_set_owner(pmemckpt_client *client, const char *region, const char *owner);

typedef struct pmemckpt_range {
    uint64_t offset, length; /* bytes */
} pmemckpt_range;

/* A generation that starts as `base` (0: the newest); only the dirty ranges can be written, -ERANGE elsewhere. */
PMEMCKPT_API int pmemckpt_begin_clone(pmemckpt_client *client, const char *region, uint64_t size,
                                      const pmemckpt_range *dirty, size_t count, uint64_t base, pmemckpt_writer **writer);

/* Finds the dirty ranges of memory: pages written since the last pmemckpt_dirty (the first time: all). The method is "auto" or
 * NULL, "write-protect", "soft-dirty" or "checksums". Ranges are freed with pmemckpt_free_ranges. */
PMEMCKPT_API int pmemckpt_track(const void *memory, size_t size, const char *method, pmemckpt_tracker **tracker);
PMEMCKPT_API const char *pmemckpt_tracking_method(const pmemckpt_tracker *tracker);
PMEMCKPT_API int pmemckpt_dirty(pmemckpt_tracker *tracker, pmemckpt_range **ranges, size_t *count);
/* Reported by the next pmemckpt_dirty again: when the checkpoint they were for has failed. */
PMEMCKPT_API int pmemckpt_mark_dirty(pmemckpt_tracker *tracker, const pmemckpt_range *ranges, size_t count);
PMEMCKPT_API void pmemckpt_free_ranges(pmemckpt_range *ranges);
PMEMCKPT_API void pmemckpt_untrack(pmemckpt_tracker *tracker);

/* The log behind the newest generation. Records of 1 byte to 1 GiB; those above 64 KiB must not change before
 * pmemckpt_flush_log returned, which is when all of them are durable. -ESTALE: another session took the region over, or a
 * newer generation or a clear has ended the log. */
PMEMCKPT_API int pmemckpt_open_log(pmemckpt_client *client, const char *region, pmemckpt_appender **appender);
PMEMCKPT_API int pmemckpt_append(pmemckpt_appender *appender, const void *bytes, size_t size, uint64_t *sequence);
PMEMCKPT_API int pmemckpt_flush_log(pmemckpt_appender *appender);
/* By which method they are durable then: enum pmemckpt_durability. */
PMEMCKPT_API uint32_t pmemckpt_log_durability(const pmemckpt_appender *appender);
PMEMCKPT_API void pmemckpt_close_log(pmemckpt_appender *appender);

typedef struct pmemckpt_record {
    uint64_t generation; /* the one whose log it is in; 0: none */
    uint64_t sequence;   /* from 1 */
    uint64_t epoch;
    const void *bytes; /* until the next call with the same log */
    size_t size;
} pmemckpt_record;

/* -ENODATA when the region has no log. pmemckpt_next_record returns 1 with a record, 0 when there is none yet, -ESTALE when
 * the log has ended. */
PMEMCKPT_API int pmemckpt_read_log(pmemckpt_client *client, const char *region, pmemckpt_log **log);
PMEMCKPT_API int pmemckpt_next_record(pmemckpt_log *log, pmemckpt_record *record);
PMEMCKPT_API int pmemckpt_skip_records(pmemckpt_log *log, uint64_t sequence);
PMEMCKPT_API void pmemckpt_close_log_reader(pmemckpt_log *log);

/* How far a named backup has read: the generations up to this one, and the first `sequence` records behind it. */
typedef struct pmemckpt_cursor {
    uint64_t generation, sequence;
    char name[65];
    char reserved[63];
} pmemckpt_cursor;

PMEMCKPT_API int pmemckpt_get_cursor(pmemckpt_client *client, const char *region, const char *name,
                                     pmemckpt_cursor *cursor);
PMEMCKPT_API int pmemckpt_advance_cursor(pmemckpt_client *client, const char *region, const pmemckpt_cursor *cursor);
PMEMCKPT_API int pmemckpt_drop_cursor(pmemckpt_client *client, const char *region, const char *name);
PMEMCKPT_API int pmemckpt_list_cursors(pmemckpt_client *client, const char *region, pmemckpt_cursor *cursors, size_t room,
                                       size_t *count);

typedef struct pmemckpt_takeover {
    uint64_t epoch, previous_epoch;
    uint64_t newest;  /* generation; 0: none */
    uint64_t records; /* of its log */
    pmemckpt_cursor cursor;
    uint64_t reserved[8];
} pmemckpt_takeover;

/* Fences whoever wrote to the region; durable on return. `cursor`, this backup's, and `takeover` may be NULL. */
PMEMCKPT_API int pmemckpt_take_over(pmemckpt_client *client, const char *region, const char *cursor,
                                    pmemckpt_takeover *takeover);

enum pmemckpt_event_kind {
    PMEMCKPT_SEALED = 1,
    PMEMCKPT_LOG_OPENED = 2,
    PMEMCKPT_PRIMARY_CONNECTED = 3,
    PMEMCKPT_PRIMARY_LOST = 4, /* its connection ended without a goodbye */
    PMEMCKPT_PRIMARY_LEFT = 5,
    PMEMCKPT_TAKEN_OVER = 6,
    PMEMCKPT_CLEARED = 7,
    PMEMCKPT_DESTROYED = 8,
    PMEMCKPT_DROPPED = 9
};

typedef struct pmemckpt_event {
    uint64_t number;
    int64_t time_ns; /* since 1970, UTC */
    uint64_t generation, epoch;
    uint32_t kind; /* enum pmemckpt_event_kind */
    char principal[65];
    char reserved[59];
} pmemckpt_event;

/* Waits for events of the region above number `after` (UINT64_MAX: the next one) and stores the first `room` of them; *count:
 * how many were stored; *lost (may be NULL): how many the manager has not any more. -ETIMEDOUT. */
PMEMCKPT_API int pmemckpt_watch(pmemckpt_client *client, const char *region, uint64_t after, uint32_t timeout_ms,
                                pmemckpt_event *events, size_t room, size_t *count, uint64_t *lost);

/* The newest generation whose checksum holds, verified; *skipped (may be NULL): how many newer ones do not verify, and then
 * pmemckpt_error() says why, though the call returns 0. -EBADMSG when none does. */
PMEMCKPT_API int pmemckpt_recover(pmemckpt_client *client, const char *region, pmemckpt_reader **reader, size_t *skipped);

/* Called with either a generation or a record, both valid during the call. Returns 1 to go on, 0 to stop there (this one does
 * not count as read), or a negative errno value, which the calling function then returns. */
typedef int (*pmemckpt_sink)(void *context, pmemckpt_reader *generation, const pmemckpt_record *record);

/* All kept generations, oldest first, then the log of the newest. */
PMEMCKPT_API int pmemckpt_read_all(pmemckpt_client *client, const char *region, pmemckpt_sink sink, void *context);

/* Zero-initialize. */
typedef struct pmemckpt_follow_options {
    const char *cursor; /* what it has not read yet, and it moves on after each item; NULL: all, and nothing is remembered */
    uint32_t keep_cursor;  /* 1: it does not move */
    uint32_t period_ms;    /* look that often; 0: be told at once */
    uint32_t return_at_end; /* 1: return when all is read; 0: wait for more */
    uint32_t reserved[5];   /* 0 */
} pmemckpt_follow_options;

PMEMCKPT_API int pmemckpt_follow(pmemckpt_client *client, const char *region, const pmemckpt_follow_options *options,
                                 pmemckpt_sink sink, void *context);

#ifdef __cplusplus
}
#endif
#endif
