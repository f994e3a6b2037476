package cli

import "runtime/debug"

// Memory of a process that works on a stream: it makes much garbage and keeps little, so collecting at twice the live heap
// spends a tenth of the CPU on next to nothing. The limit keeps a full cache from being multiplied.
const (
	gcPercent   = 400
	memoryLimit = 1 << 30 // bytes, soft
)

// tuneMemory sets the collector for stream work, unless GOGC or GOMEMLIMIT in the environment say otherwise.
func (a *app) tuneMemory() {
	if v, _ := a.lookupEnv("GOGC"); v == "" {
		debug.SetGCPercent(gcPercent)
	}
	if v, _ := a.lookupEnv("GOMEMLIMIT"); v == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
