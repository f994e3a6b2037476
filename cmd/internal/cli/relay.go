package cli

import (
	"sync/atomic"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/stream"
)

// relay passes new epochs from the engine to the runner, which is made after it. Before that there is nobody to tell:
// the runner announces the current epoch when it starts.
type relay struct{ runner atomic.Pointer[stream.Runner] }

func newRelay() *relay { return &relay{} }

func (r *relay) to(runner *stream.Runner) { r.runner.Store(runner) }

func (r *relay) epoch(n models.EpochNotice) {
	if runner := r.runner.Load(); runner != nil {
		runner.EpochChanged(n.Tenant)
	}
}
