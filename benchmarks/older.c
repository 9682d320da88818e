/* Loaded before a program (LD_PRELOAD), makes this processor answer as an older one.

   Linux lets CPUID fault (arch_prctl ARCH_SET_CPUID); the handler executes it and takes bits out of
   the answer. Unlike the libraries' own variables it reaches every kernel, also those of MLAS. */

#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012
#define BIT(number) (1u << (number))

/* CPUID leaf 7, subleaf 0: AVX-512 F, DQ, IFMA, PF, ER, CD, BW, VL (EBX); VBMI, VBMI2, VNNI, BITALG,
   VPOPCNTDQ (ECX); 4VNNIW, 4FMAPS, VP2INTERSECT (EDX). */
static const unsigned avx512_b = BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31);
static const unsigned avx512_c = BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14);
static const unsigned avx512_d = BIT(2) | BIT(3) | BIT(8);
/* AMX-BF16, AVX512-FP16, AMX-TILE, AMX-INT8 (EDX). */
static const unsigned amx_d = BIT(22) | BIT(23) | BIT(24) | BIT(25);
/* Subleaf 1: AVX512-BF16, AMX-FP16, AVX-IFMA (EAX); AVX-VNNI (EAX); AVX-VNNI-INT8, AVX-NE-CONVERT,
   AMX-COMPLEX, AVX-VNNI-INT16, AVX10 (EDX). */
static const unsigned newest_a = BIT(5) | BIT(21) | BIT(23);
static const unsigned vnni_a = BIT(4);
static const unsigned newest_d = BIT(4) | BIT(5) | BIT(8) | BIT(10) | BIT(19);
enum { AMX_TILES = 0x1d, AMX_PRODUCTS = 0x1e };

static int has_avx512;

static void allow_cpuid(long allowed) { syscall(SYS_arch_prctl, ARCH_SET_CPUID, allowed); }

static void answer(int number, siginfo_t *information, void *context) {
  (void)information;
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  const unsigned char *code = (const unsigned char *)registers[REG_RIP];
  if (code[0] != 0x0f || code[1] != 0xa2) { /* no CPUID: a real fault, which comes again */
    signal(number, SIG_DFL);
    return;
  }
  const unsigned leaf = registers[REG_RAX], part = registers[REG_RCX];
  unsigned a = leaf, b, c = part, d;
  allow_cpuid(1);
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  allow_cpuid(0);
  if (leaf == 7 && part == 0) {
    d &= ~amx_d;
    if (!has_avx512) { b &= ~avx512_b; c &= ~avx512_c; d &= ~avx512_d; }
  } else if (leaf == 7 && part == 1) {
    a &= ~(newest_a | vnni_a);
    d &= ~newest_d;
  } else if (leaf == AMX_TILES || leaf == AMX_PRODUCTS) {
    a = b = c = d = 0;
  }
  registers[REG_RAX] = a;
  registers[REG_RBX] = b;
  registers[REG_RCX] = c;
  registers[REG_RDX] = d;
  registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void begin(void) {
  const char *wish = getenv("OLDER_PROCESSOR");
  if (!wish)
    return;
  has_avx512 = !strcmp(wish, "avx512");
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = answer;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, 0);
  allow_cpuid(0);
}
