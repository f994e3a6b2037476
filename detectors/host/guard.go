package host

import (
	"context"
	"fmt"
	"strings"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/internal/protocol"
	"github.com/aad6b6dc/taster/models"
)

// Loaded is a detector that is ready to be asked.
type Loaded struct {
	// Spec describes it. New is nil if it runs in another process.
	Spec detectors.Spec
	// Detector answers only what is valid: one outcome per event, each of which passes its Validate. Its errors are
	// always [*detectors.Error]. A panic is one of them.
	Detector detectors.Detector
	// Digest stands for code, name, version and configuration.
	Digest string
	// Process names the process that it shares with others, and their crashes: "" for this one, else unique in the host
	// and the same across restarts.
	Process string
}

// InProcess makes detectors of specs inside this process, with the configurations by name. They have the digests that
// they have behind [SelfSource]. A crash of theirs is this process's, and so is a busy loop.
func InProcess(ctx context.Context, specs []detectors.Spec, configs map[string]detectors.Config) ([]Loaded, error) {
	exe, err := thisExecutable()
	if err != nil {
		return nil, err
	}
	if err := detectors.Validate(specs...); err != nil {
		return nil, fmt.Errorf("checking detectors: %w", err)
	}
	if err := knownNames(configs, specs); err != nil {
		return nil, err
	}
	loaded := make([]Loaded, len(specs))
	for i, spec := range specs {
		d, err := protocol.Make(ctx, &spec, configs[spec.Name])
		if err != nil {
			return nil, fmt.Errorf("making detector %q: %w", spec.Name, err)
		}
		loaded[i] = Loaded{Spec: spec, Detector: guard{local{d}}, Digest: detectorDigest(exe.digest, &spec, configs[spec.Name])}
	}
	return loaded, nil
}

// knownNames refuses a configuration for a detector that is not there: it is a typing error.
func knownNames(configs map[string]detectors.Config, specs []detectors.Spec) error {
	for name := range configs {
		known := false
		for i := range specs {
			known = known || specs[i].Name == name
		}
		if !known {
			return fmt.Errorf("configuring detectors: none has the name %q", name)
		}
	}
	return nil
}

// local recovers panics.
type local struct{ detectors.Detector }

func (l local) Detect(ctx context.Context, batch *detectors.Batch) (detectors.Answer, error) {
	return protocol.Call(ctx, l.Detector, batch)
}

// guard lets only valid answers pass.
type guard struct{ next detectors.Detector }

func (g guard) Detect(ctx context.Context, batch *detectors.Batch) (detectors.Answer, error) {
	answer, err := g.next.Detect(ctx, batch)
	if err != nil {
		return detectors.Answer{}, bounded(detectors.AsError(err))
	}
	if len(answer.Outcomes) != len(batch.Inputs) {
		return detectors.Answer{}, badAnswer("%d outcomes for %d events", len(answer.Outcomes), len(batch.Inputs))
	}
	if len(answer.Revision) > models.MaxNameBytes {
		return detectors.Answer{}, badAnswer("the revision has %d bytes, the limit is %d", len(answer.Revision), models.MaxNameBytes)
	}
	for i := range answer.Outcomes {
		o := &answer.Outcomes[i]
		o.Detail = models.Truncate(strings.ToValidUTF8(o.Detail, "?"), models.MaxDetailBytes)
		if err := o.Validate(batch.Inputs[i].Segments); err != nil {
			return detectors.Answer{}, badAnswer("outcome %d: %v", i, err)
		}
	}
	return answer, nil
}

func badAnswer(format string, args ...any) error {
	return bounded(&detectors.Error{Code: detectors.CodeBadAnswer, Message: fmt.Sprintf(format, args...)})
}

func bounded(e *detectors.Error) *detectors.Error {
	if len(e.Message) <= models.MaxDetailBytes {
		return e
	}
	return &detectors.Error{Code: e.Code, Message: models.Truncate(e.Message, models.MaxDetailBytes), RetryAfter: e.RetryAfter}
}
