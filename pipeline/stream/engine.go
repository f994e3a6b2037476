package stream

import (
	"context"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

// Engine is what a runner needs of [engine.Engine]. Its methods are safe for concurrent use.
type Engine interface {
	// Judge returns one judgement for each job, in order, always.
	Judge(ctx context.Context, jobs []engine.Job) []engine.Judgement
	// Deepen returns the final revision of a verdict, also when ctx has ended.
	Deepen(ctx context.Context, job engine.Job, first models.Verdict) models.Verdict
	// NotInspected returns the verdict on an event that can't be judged.
	NotInspected(job engine.Job, reason models.Reason, detail string) models.Verdict
	// Epoch returns what decides for a tenant now.
	Epoch(tenant string) models.EpochNotice
}
