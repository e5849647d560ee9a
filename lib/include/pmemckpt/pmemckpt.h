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
    char reserved[63];
} pmemckpt_generation;

PMEMCKPT_API const char *pmemckpt_error(void);
PMEMCKPT_API const char *pmemckpt_version(void);

PMEMCKPT_API int pmemckpt_connect(const pmemckpt_options *options, pmemckpt_client **client);
PMEMCKPT_API void pmemckpt_disconnect(pmemckpt_client *client);

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

#ifdef __cplusplus
}
#endif
#endif
