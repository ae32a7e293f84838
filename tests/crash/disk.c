/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "must.h"

#define LOG_SIZE (512LL << 20) /* sparse */
#define TRIES 50

void
disk_begin(void)
{
	must(unshare(CLONE_NEWNS) == 0 &&
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0,
	    "a mount namespace of its own (it wants root)");
}

static void
make_file(char path[DISK_PATH], const char *directory, const char *name,
    long long size)
{
	int fd;

	(void)snprintf(path, DISK_PATH, "%s/%s", directory, name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	must(fd >= 0 && ftruncate(fd, size) == 0, path);
	(void)close(fd);
}

/* ---- loop devices ---- */

/* Another process may take the free one first. */
static bool
attach(struct disk *disk, int file)
{
	const int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	const int number = ioctl(control, LOOP_CTL_GET_FREE);
	const struct loop_config config = {
	    .fd = (uint32_t)file,
	    .block_size = 4096,
	    .info = {.lo_flags = LO_FLAGS_AUTOCLEAR},
	};

	must(control >= 0 && number >= 0, "/dev/loop-control");
	(void)close(control);
	(void)snprintf(
	    disk->device, sizeof(disk->device), "/dev/loop%d", number);
	disk->loop = open(disk->device, O_RDWR | O_CLOEXEC);
	must(disk->loop >= 0, disk->device);
	if (ioctl(disk->loop, LOOP_CONFIGURE, &config) == 0)
		return true;
	must(errno == EBUSY, disk->device);
	(void)close(disk->loop);
	return false;
}

static void
attach_file(struct disk *disk, const char *path)
{
	const int file = open(path, O_RDWR | O_CLOEXEC);
	bool good = false;

	must(file >= 0, path);
	for (int i = 0; !good && i < TRIES; i++)
		good = attach(disk, file);
	must(good, "loop device");
	(void)close(file);
}

void
disk_make(struct disk *disk, const char *directory, size_t size)
{
	*disk = (struct disk){.size = size, .loop = -1};
	make_file(disk->image, directory, "plain.img", (long long)size);
	attach_file(disk, disk->image);
}

/* ---- the log ---- */

static void
become_daemon(const struct disk *disk, pid_t parent)
{
	char image[256], log[256], fuse[256];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	(void)snprintf(image, sizeof(image),
	    "driver=file,node-name=disk,filename=%s", disk->image);
	(void)snprintf(log, sizeof(log),
	    "driver=file,node-name=log,filename=%s", disk->log);
	(void)snprintf(fuse, sizeof(fuse),
	    "type=fuse,id=export,node-name=filter,mountpoint=%s,writable=on",
	    disk->export);
	(void)execlp("qemu-storage-daemon", "qemu-storage-daemon", "--blockdev",
	    image, "--blockdev", log, "--blockdev",
	    "driver=blklogwrites,node-name=filter,file=disk,log=log,"
	    "log-sector-size=512",
	    "--export", fuse, (char *)NULL);
	(void)fprintf(stderr,
	    "qemu-storage-daemon: %s: apt-get install qemu-system-common\n",
	    strerror(errno));
	_exit(127);
}

static void
wait_for_export(const struct disk *disk)
{
	struct stat about;

	for (int i = 0; i < 1000; i++) {
		if (stat(disk->export, &about) == 0 &&
		    (size_t)about.st_size == disk->size)
			return;
		if (waitpid(disk->daemon, NULL, WNOHANG) == disk->daemon)
			break;
		(void)usleep(10000);
	}
	must(false, "qemu-storage-daemon does not export its disk");
}

void
disk_make_logged(struct disk *disk, const char *directory, size_t size)
{
	const pid_t parent = getpid();

	*disk = (struct disk){.size = size, .loop = -1};
	make_file(disk->image, directory, "disk.img", (long long)size);
	make_file(disk->log, directory, "log.img", LOG_SIZE);
	make_file(disk->export, directory, "export.img", 0);
	disk->daemon = fork();
	must(disk->daemon >= 0, "fork");
	if (disk->daemon == 0)
		become_daemon(disk, parent);
	wait_for_export(disk);
	attach_file(disk, disk->export);
}

void
disk_remove(struct disk *disk)
{
	(void)close(disk->loop);
	if (disk->daemon > 0) {
		(void)kill(disk->daemon, SIGTERM);
		(void)waitpid(disk->daemon, NULL, 0);
		(void)unlink(disk->log);
		(void)unlink(disk->export);
	}
	(void)unlink(disk->image);
}

/* ---- what is on it ---- */

/* Not through the device: its log is of no concern here. */
void
disk_read(const struct disk *disk, uint8_t *bytes)
{
	const int fd = open(disk->image, O_RDONLY | O_CLOEXEC);

	must(fd >= 0 && pread(fd, bytes, disk->size, 0) == (ssize_t)disk->size,
	    disk->image);
	(void)close(fd);
}

void
disk_write(const struct disk *disk, const uint8_t *bytes)
{
	const int fd = open(disk->image, O_WRONLY | O_CLOEXEC);

	must(fd >= 0 && pwrite(fd, bytes, disk->size, 0) == (ssize_t)disk->size,
	    disk->image);
	(void)close(fd);
	/* What the kernel remembers of the last one. */
	must(ioctl(disk->loop, BLKFLSBUF, 0) == 0, disk->device);
}

void
disk_format(const struct disk *disk, const char *type)
{
	char command[256];

	/* So small an xfs is not supported, which it says each time. */
	(void)snprintf(command, sizeof(command),
	    strcmp(type, "xfs") == 0
		? "mkfs.xfs -q -f -K --unsupported -l size=6m %s >/dev/null "
		  "2>&1"
		: "mkfs.ext4 -q -F -b 4096 -J size=4 -E nodiscard,"
		  "lazy_itable_init=0,lazy_journal_init=0 %s",
	    disk->device);
	if (system(command) != 0) {
		(void)fprintf(stderr,
		    "mkfs.%s does not work; if it is missing: apt-get install "
		    "e2fsprogs xfsprogs\n",
		    type);
		exit(2);
	}
}

bool
disk_mount(const struct disk *disk, const char *type, const char *path)
{
	return mount(disk->device, path, type, 0, NULL) == 0;
}

void
disk_unmount(const char *path)
{
	for (int i = 0; umount(path) != 0; i++) {
		must(errno == EBUSY && i < TRIES, path);
		(void)usleep(20000);
	}
}

/* Not syncfs(3), which may be one that does nothing. */
void
disk_sync(const char *path)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(fd >= 0 && syscall(SYS_syncfs, fd) == 0, path);
	(void)close(fd);
}
