package stream

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/micro"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
)

// Codes of a control request's error reply, in the header [micro.ErrorCodeHeader].
const (
	ControlFailed = "500" // it broke off; the description says why, and it can be asked for again
	ControlBusy   = "503" // it is under way already
)

// ControlService is the name by which the bus knows what serves control requests.
const ControlService = "taster-control"

// ControlTrustedKeys is the entry of the control service's metadata that lists, separated by commas, the public keys
// whose changes of what is known the engine believes.
const ControlTrustedKeys = "trusted_keys"

func (r *Runner) controlMetadata() map[string]string {
	if r.Indicators == nil {
		return nil
	}
	return map[string]string{ControlTrustedKeys: strings.Join(r.Indicators.TrustedKeys, ",")}
}

// serveControl registers what operators may ask for and returns what takes it down again: it waits for what is in hand,
// which ends with ctx. The runners of all engines share the requests. A tenant's account has no way to them.
func (r *Runner) serveControl(ctx context.Context) (stop func(), err error) {
	svc, err := micro.AddService(r.Conn, micro.Config{
		Name:        ControlService,
		Version:     "1.0.0",
		Description: "Judges live definitions again.",
		QueueGroup:  "taster",
		Metadata:    r.controlMetadata(),
	})
	if err != nil {
		return nil, fmt.Errorf("registering the control service: %w", err)
	}
	var busy sync.WaitGroup
	stop = func() {
		_ = svc.Stop() // the connection may be gone already
		busy.Wait()
	}
	for tenant := range r.workers {
		rescore := r.rescoreHandler(ctx, tenant, &busy)
		if err := svc.AddEndpoint("rescore", rescore, micro.WithEndpointSubject(wire.RescoreSubject(tenant))); err != nil {
			stop()
			return nil, fmt.Errorf("registering the control endpoint of tenant %q: %w", tenant, err)
		}
	}
	return stop, nil
}

// rescoreHandler replies with the counts of [Runner.Rescore] as JSON ([models.Rescored]), to one request at a time.
func (r *Runner) rescoreHandler(ctx context.Context, tenant string, busy *sync.WaitGroup) micro.HandlerFunc {
	turn := make(chan struct{}, 1)
	return func(req micro.Request) {
		select {
		case turn <- struct{}{}:
		default:
			r.replied(req.Error(ControlBusy, "rescoring is under way already", nil))
			return
		}
		busy.Go(func() {
			count, err := r.Rescore(ctx, tenant)
			<-turn // before the reply: whoever has it may ask again
			if err != nil {
				r.replied(req.Error(ControlFailed, models.Truncate(err.Error(), models.MaxDetailBytes), nil))
				return
			}
			r.replied(req.RespondJSON(count))
		})
	}
}

func (r *Runner) replied(err error) {
	if err != nil {
		r.log.Warn("replying to a control request", "error", err)
	}
}
