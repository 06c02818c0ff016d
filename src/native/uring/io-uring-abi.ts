/** Numbers of linux/io_uring.h, as of Linux 6.18; byte offsets within its structures. */

// Operations.
export const IORING_OP_WRITEV = 2;
export const IORING_OP_ASYNC_CANCEL = 14;
export const IORING_OP_READ = 22;
export const IORING_OP_WRITE = 23;
/** Linux 6.7. */
export const IORING_OP_READ_MULTISHOT = 49;

// SQE flags, 8 bits.
export const IOSQE_FIXED_FILE = 1 << 0;
export const IOSQE_BUFFER_SELECT = 1 << 5;
export const IOSQE_CQE_SKIP_SUCCESS = 1 << 6;

// CQE flags; the buffer id is above bit 16.
export const IORING_CQE_F_BUFFER = 1 << 0;
export const IORING_CQE_F_MORE = 1 << 1;
export const IORING_CQE_BUFFER_SHIFT = 16;

/** Per-operation flag of linux/fs.h: EAGAIN at once instead of waiting or a worker thread. */
export const RWF_NOWAIT = 0x8;

export const IORING_SETUP_CQSIZE = 1 << 3;
export const IORING_SETUP_SUBMIT_ALL = 1 << 7;
export const IORING_SETUP_TASKRUN_FLAG = 1 << 9;
export const IORING_SETUP_SINGLE_ISSUER = 1 << 12;
export const IORING_SETUP_DEFER_TASKRUN = 1 << 13;
export const IORING_SETUP_NO_SQARRAY = 1 << 16;

export const IORING_FEAT_SINGLE_MMAP = 1 << 0;
export const IORING_FEAT_NODROP = 1 << 1;
export const IORING_FEAT_EXT_ARG = 1 << 8;
export const IORING_FEAT_CQE_SKIP = 1 << 11;
export const IORING_FEAT_NO_IOWAIT = 1 << 17;

export const IORING_ENTER_GETEVENTS = 1 << 0;
export const IORING_ENTER_EXT_ARG = 1 << 3;
export const IORING_ENTER_REGISTERED_RING = 1 << 4;
export const IORING_ENTER_NO_IOWAIT = 1 << 7;

export const IORING_SQ_CQ_OVERFLOW = 1 << 1;
export const IORING_SQ_TASKRUN = 1 << 2;

export const IORING_REGISTER_FILES_UPDATE = 6;
export const IORING_REGISTER_PROBE = 8;
export const IORING_REGISTER_FILES2 = 13;
export const IORING_REGISTER_RING_FDS = 20;
export const IORING_UNREGISTER_RING_FDS = 21;
export const IORING_REGISTER_PBUF_RING = 22;
export const IORING_RSRC_REGISTER_SPARSE = 1 << 0;
export const IO_URING_OP_SUPPORTED = 1 << 0;

export const IORING_OFF_SQ_RING = 0;
export const IORING_OFF_SQES = 0x10000000;
export const SQE_WORDS = 16;
export const CQE_WORDS = 4;

/** struct io_uring_params. */
export const PARAMETERS_BYTES = 120;
export const PARAMETERS = {
  sqEntries: 0,
  cqEntries: 4,
  flags: 8,
  features: 20,
  sqOffsets: 40,
  cqOffsets: 80,
};
/** struct io_sqring_offsets and io_cqring_offsets. */
export const SQ_OFFSETS = { tail: 4, flags: 16 };
export const CQ_OFFSETS = { head: 0, tail: 4, cqes: 20 };
