/* Sync points: coordinated checkpoints of programs on several systems. See pmemckpt-sync(3), pmemckpt-sync(7).
 *
 * Functions return 0, or a negative errno value; pmemckpt_sync_error() then has one sentence that says what happened, of the
 * calling thread's last failed call. Handles are freed with their own call; freeing NULL does nothing.
 * Threads: a coordinator may be used from one thread at a time.
 * This interface only grows within one shared-library version.
 */
#ifndef PMEMCKPT_SYNC_H
#define PMEMCKPT_SYNC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PMEMCKPT_SYNC_API __attribute__((visibility("default")))

typedef struct pmemckpt_coordinator pmemckpt_coordinator;
typedef struct pmemckpt_participant pmemckpt_participant;
typedef struct pmemckpt_sync_sink pmemckpt_sync_sink;
typedef struct pmemckpt_sync_source pmemckpt_sync_source;

PMEMCKPT_SYNC_API const char *pmemckpt_sync_error(void);

/* What is checkpointed. Both functions return 0, or a negative errno value, which fails the sync point or the rollback.
 * They are called one at a time: of a coordinator from the thread that calls, of a participant from one of pmemckpt's.
 * restore may be called again with the same state, after a crash in the middle of it. */
typedef struct pmemckpt_sync_program {
    int (*save)(void *context, uint64_t number, pmemckpt_sync_sink *sink);
    int (*restore)(void *context, uint64_t number, pmemckpt_sync_source *source);
    void *context;
} pmemckpt_sync_program;

/* In save: the next bytes of the state. An error is save's to return. */
PMEMCKPT_SYNC_API int pmemckpt_sync_write(pmemckpt_sync_sink *sink, const void *bytes, size_t size);
/* In restore: the next bytes of the state; how many there were, fewer than `size` only at its end. */
PMEMCKPT_SYNC_API int64_t pmemckpt_sync_read(pmemckpt_sync_source *source, void *into, size_t size);
/* In save and in restore, before an error of the program's own is returned: the sentence for it. */
PMEMCKPT_SYNC_API void pmemckpt_sync_explain(const char *sentence);

/* Zero-initialize. */
typedef struct pmemckpt_coordinator_options {
    const char *job;                 /* the same at each start of the program */
    const char *const *participants; /* HOST:PORT of each, `count` of them, at most 64 */
    size_t count;
    const char *principal; /* NULL: $PMEMCKPT_PRINCIPAL, the login name */
    const char *key_dir;   /* NULL: $PMEMCKPT_KEY_DIR, /etc/pmemckpt/keys */
    uint32_t timeout_ms;   /* 0: 60000. A participant that is silent for longer has failed */
    uint32_t reserved[7];  /* 0 */
} pmemckpt_coordinator_options;

/* Reaches all participants, and gives up what is not complete. */
PMEMCKPT_SYNC_API int pmemckpt_coordinate(const pmemckpt_coordinator_options *options, const pmemckpt_sync_program *program,
                                          pmemckpt_coordinator **coordinator);
PMEMCKPT_SYNC_API void pmemckpt_end_coordination(pmemckpt_coordinator *coordinator);
/* The newest sync point that all hold: what a rollback goes to. 0: none. */
PMEMCKPT_SYNC_API uint64_t pmemckpt_newest_sync_point(const pmemckpt_coordinator *coordinator);
/* 1: this program, or a participant's, was started anew since then: nothing is taken before a rollback. */
PMEMCKPT_SYNC_API int pmemckpt_must_roll_back(const pmemckpt_coordinator *coordinator);
/* On return 0 all hold it, and it is durable. After an error the former one stands; but -EINPROGRESS: it is in doubt, and may
 * be what a rollback goes to. -EUCLEAN when pmemckpt_must_roll_back(). `number` may be NULL. */
PMEMCKPT_SYNC_API int pmemckpt_take_sync_point(pmemckpt_coordinator *coordinator, uint64_t *number);
/* All participants and this program are what they were at this sync point; 0: the newest. Later ones are gone. After an error
 * another rollback must follow. -ENOENT; -EBADMSG: a state does not verify. `restored` may be NULL. */
PMEMCKPT_SYNC_API int pmemckpt_roll_back(pmemckpt_coordinator *coordinator, uint64_t number, uint64_t *restored);
/* The same of `count` participants, by their addresses in the options. The others are left as they are: right when their
 * programs have not changed since. */
PMEMCKPT_SYNC_API int pmemckpt_roll_back_some(pmemckpt_coordinator *coordinator, const char *const *participants, size_t count,
                                              uint64_t number, uint64_t *restored);

/* Files that a participant serves, a pmemckpt-filed(8), in a session of the program's choice, below 2^63. A program may have
 * many sessions, each used from one thread at a time. What is open in a session is so until it is closed, also when the
 * connection is lost: who opens the session again has the same handles. After a rollback the handles, positions and files are
 * those of the sync point. */
typedef struct pmemckpt_files pmemckpt_files;

enum pmemckpt_file_flags {
    PMEMCKPT_FILE_READ = 1,
    PMEMCKPT_FILE_WRITE = 2,
    PMEMCKPT_FILE_CREATE = 4,
    PMEMCKPT_FILE_EXCLUSIVE = 8,
    PMEMCKPT_FILE_TRUNCATE = 16,
    PMEMCKPT_FILE_APPEND = 32
};

/* `participant` is one of the options. It is to be closed before the coordination is ended. */
PMEMCKPT_SYNC_API int pmemckpt_open_files(pmemckpt_coordinator *coordinator, const char *participant, uint64_t session,
                                          pmemckpt_files **files);
/* The connection alone: the files stay open. */
PMEMCKPT_SYNC_API void pmemckpt_close_files(pmemckpt_files *files);
/* Closes all files of the session. */
PMEMCKPT_SYNC_API int pmemckpt_leave_files(pmemckpt_files *files);
/* The handle, from 0 on. Paths are within the served directory; `mode` is for one that is made. */
PMEMCKPT_SYNC_API int64_t pmemckpt_file_open(pmemckpt_files *files, const char *path, uint32_t flags, uint32_t mode);
PMEMCKPT_SYNC_API int pmemckpt_file_close(pmemckpt_files *files, uint32_t handle);
/* From the position on. How many bytes there were: fewer than `size` only at the end. */
PMEMCKPT_SYNC_API int64_t pmemckpt_file_read(pmemckpt_files *files, uint32_t handle, void *into, size_t size);
/* From the position on, or at the end with PMEMCKPT_FILE_APPEND: all of them. */
PMEMCKPT_SYNC_API int pmemckpt_file_write(pmemckpt_files *files, uint32_t handle, const void *bytes, size_t size);
/* The new position; `whence` is SEEK_SET, SEEK_CUR or SEEK_END. */
PMEMCKPT_SYNC_API int64_t pmemckpt_file_seek(pmemckpt_files *files, uint32_t handle, int64_t offset, int whence);
PMEMCKPT_SYNC_API int pmemckpt_file_truncate(pmemckpt_files *files, uint32_t handle, uint64_t size);
/* What was written to it is on disk. */
PMEMCKPT_SYNC_API int pmemckpt_file_flush(pmemckpt_files *files, uint32_t handle);
PMEMCKPT_SYNC_API int pmemckpt_file_rename(pmemckpt_files *files, const char *from, const char *to);
PMEMCKPT_SYNC_API int pmemckpt_file_remove(pmemckpt_files *files, const char *path);
/* Bytes of the file with this path. */
PMEMCKPT_SYNC_API int64_t pmemckpt_file_size(pmemckpt_files *files, const char *path);

/* Where a participant keeps its states and its table, when it is not in plain files: pmemckpt_sync_region_open() of
 * sync_region.h gives one, or a program its own. All functions must be there, and none may throw. They return 0, or a negative
 * errno value, and then `error` gives a sentence. Only what is durable on return may be answered with 0: it is there after a
 * crash of anything.
 *
 *     load                                 once, at the start; then keep, or, where it gave 0 bytes, the first commit
 *     keep, begin, write, write..., finish   the states of a sync point are durable, and the table does not refer to them
 *                           end_state      in any case; without `finish` nothing of it need stay
 *     commit                               now the table refers to them; also for each other change of the table
 *
 * A crash before `commit` has returned leaves the former table, or this one, whole. What is left then of states is what the next
 * `keep` does not name.
 * Threads: load, keep, begin and commit are called one at a time. write, finish and end_state of the one state that is begun may
 * run beside commit, and read beside all of them, from several threads. load, keep, commit and read are called in the thread of
 * pmemckpt_participate(), while it runs; then all but load in threads of pmemckpt's. close is called, as the last one, in the
 * thread of pmemckpt_end_participation(), or in that of a pmemckpt_participate() that fails. */
typedef struct pmemckpt_sync_storage {
    const char *name; /* for people; as long as the storage */
    void *context;
    /* The table that was committed last: *size bytes of it, 0 when there never was one. At most `room`, 65536: -EMSGSIZE. */
    int (*load)(void *context, void *into, size_t room, size_t *size);
    /* Replaces the table as a whole. -EAGAIN: the former one stands, surely, and it may be tried again. After any other error it
     * is not known which one is there, and the participant asks for no other: it has to be started anew. */
    int (*commit)(void *context, const void *table, size_t size);
    /* These are all states that the table refers to, by their tokens: others may go. None is being written then. An error does
     * not matter: they are named again. */
    int (*keep)(void *context, const uint64_t *tokens, size_t count);
    /* A new state, of the sync point with this number; how many bytes will be written is not known. One at a time. */
    int (*begin)(void *context, uint64_t number, void **state);
    /* The next bytes; they may change on return. -ENOSPC. */
    int (*write)(void *state, const void *bytes, size_t size);
    /* All of it is durable on return, under this token. */
    int (*finish)(void *state, uint64_t *token);
    void (*end_state)(void *state);
    /* All `size` bytes at `offset` of a state that the table refers to; they are compared with a digest. */
    int (*read)(void *context, uint64_t token, uint64_t offset, void *into, size_t size);
    /* Of the calling thread's last failed call. */
    const char *(*error)(void *context);
    void (*close)(void *context);
    void *reserved[4]; /* NULL */
} pmemckpt_sync_storage;

/* Zero-initialize. */
typedef struct pmemckpt_participant_options {
    const char *listen;    /* [HOST]:PORT; NULL: port 7472 of all addresses */
    const char *file;      /* the checkpoint file, used again for each sync point; made when it is not there */
    const char *directory; /* or, in its place: a directory with a new file for each sync point */
    const char *principal; /* the only one who may come; NULL: each that has a key */
    const char *key_dir;   /* NULL: $PMEMCKPT_KEY_DIR, /etc/pmemckpt/keys */
    /* In the place of the file: it is copied, and is the participant's from the call on, closed at its end, also when that is an
     * error. */
    const pmemckpt_sync_storage *storage;
    uint32_t keep;         /* complete sync points that are kept, 8 at most; 0: 2 */
    uint32_t reserved[7];  /* 0 */
} pmemckpt_participant_options;

/* Serves coordinators until it is ended. A rollback that was cut is ended first: restore is called then, from this thread.
 * -EBUSY: the file is another participant's. */
PMEMCKPT_SYNC_API int pmemckpt_participate(const pmemckpt_participant_options *options, const pmemckpt_sync_program *program,
                                           pmemckpt_participant **participant);
/* HOST:PORT, with the port that was really taken. */
PMEMCKPT_SYNC_API const char *pmemckpt_participant_address(const pmemckpt_participant *participant);
/* Waits for a save or a restore that is under way. */
PMEMCKPT_SYNC_API void pmemckpt_end_participation(pmemckpt_participant *participant);

#ifdef __cplusplus
}
#endif

#endif
