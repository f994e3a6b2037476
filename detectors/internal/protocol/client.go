package protocol

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/aad6b6dc/taster/detectors"
	pb "github.com/aad6b6dc/taster/detectors/internal/protocol/detectorv1"
)

// Client is the host's end of the line. It is safe for concurrent use.
type Client struct {
	rpc    pb.DetectorServiceClient
	stream stream
}

// NewClient returns a client on a connection.
func NewClient(conn grpc.ClientConnInterface) *Client {
	rpc := pb.NewDetectorServiceClient(conn)
	return &Client{rpc: rpc, stream: stream{rpc: rpc}}
}

// Describe returns the plugin's specs, without New, as the plugin states them: they are not validated.
func (c *Client) Describe(ctx context.Context) ([]detectors.Spec, error) {
	r, err := c.rpc.Describe(ctx, &pb.DescribeRequest{}, grpc.MaxCallRecvMsgSize(MaxDescribeBytes))
	if err != nil {
		return nil, transportError(ctx, err)
	}
	specs := make([]detectors.Spec, len(r.GetSpecs()))
	for i, s := range r.GetSpecs() {
		specs[i] = specFromProto(s)
	}
	return specs, nil
}

// Configure makes a detector ready. An error is a [*detectors.Error].
func (c *Client) Configure(ctx context.Context, detector string, cfg detectors.Config) error {
	r, err := c.rpc.Configure(ctx, &pb.ConfigureRequest{Detector: detector, ConfigJson: cfg})
	switch {
	case err != nil:
		return transportError(ctx, err)
	case r.GetError() != nil:
		return errorFromProto(r.GetError())
	}
	return nil
}

// Detect asks a detector, in as many calls as the batch needs to keep the line's limits, and joins the answers: the
// revision is the last call's. Each call may take at most timeout. Outcomes are as the plugin states them. An error is a
// [*detectors.Error]; one that [Broken] or [Overrun] reports is about the process and not about the batch.
func (c *Client) Detect(ctx context.Context, detector string, timeout time.Duration, batch *detectors.Batch) (detectors.Answer, error) {
	inputs := batch.Inputs
	n := cut(inputs)
	answer, err := c.detect(ctx, detector, timeout, inputs[:n])
	for inputs = inputs[n:]; err == nil && len(inputs) > 0; inputs = inputs[n:] {
		n = cut(inputs)
		var more detectors.Answer
		more, err = c.detect(ctx, detector, timeout, inputs[:n])
		answer.Outcomes = append(answer.Outcomes, more.Outcomes...)
		answer.Revision = more.Revision
	}
	if err != nil {
		return detectors.Answer{}, err
	}
	return answer, nil
}

// cut returns how many of the inputs go into the next call: at least one, if there are any.
func cut(inputs []detectors.Input) int {
	size := 0
	for i := range inputs {
		size += inputBytes(&inputs[i])
		if i == detectors.MaxBatchEvents || i > 0 && size > detectors.MaxBatchBytes {
			return i
		}
	}
	return len(inputs)
}

// inputBytes estimates an event's share of a request, its siblings aside.
func inputBytes(in *detectors.Input) int {
	n := len(in.Event.Body)
	for i := range in.Segments {
		s := &in.Segments[i]
		n += len(s.Pointer) + 16
		for j := range s.Views {
			if v := &s.Views[j]; v.Map != nil {
				n += len(v.Text) + 10*len(v.Map)
			}
		}
	}
	return n
}

func (c *Client) detect(ctx context.Context, detector string, timeout time.Duration, inputs []detectors.Input) (detectors.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	response, err := c.exchange(ctx, newRequest(ctx, detector, inputs), small(inputs))
	if err != nil {
		return detectors.Answer{}, transportError(ctx, err)
	}
	return result(response, len(inputs))
}

func (c *Client) exchange(ctx context.Context, r *pb.DetectRequest, overStream bool) (*pb.DetectResponse, error) {
	if overStream {
		response, err := c.stream.detect(ctx, r)
		if !errors.Is(err, errUseUnary) {
			return response, err
		}
	}
	return c.rpc.Detect(ctx, r)
}

// small reports whether a batch is better off on the stream. Siblings are not counted: they make it large.
func small(inputs []detectors.Input) bool {
	size := 0
	for i := range inputs {
		size += inputBytes(&inputs[i])
		if inputs[i].Siblings != nil {
			return false
		}
	}
	return len(inputs) <= maxStreamedEvents && size <= maxStreamedBytes
}

func newRequest(ctx context.Context, detector string, inputs []detectors.Input) *pb.DetectRequest {
	r := &pb.DetectRequest{Detector: detector}
	fill(r, inputs)
	if deadline, ok := ctx.Deadline(); ok {
		r.TimeoutUs = uint64(max(giveUp(time.Until(deadline)).Microseconds(), 1))
	}
	return r
}

// giveUp is when a detector with the time left should answer, so that "too late" still arrives in time.
func giveUp(left time.Duration) time.Duration { return left - min(left/10, 500*time.Millisecond) }

func result(r *pb.DetectResponse, inputs int) (detectors.Answer, error) {
	switch x := r.GetResult().(type) {
	case *pb.DetectResponse_Error:
		return detectors.Answer{}, errorFromProto(x.Error)
	case *pb.DetectResponse_Answer:
		if n := len(x.Answer.GetOutcomes()); n != inputs {
			return detectors.Answer{}, &detectors.Error{
				Code: detectors.CodeBadAnswer, Message: fmt.Sprintf("%d outcomes for %d events", n, inputs),
			}
		}
		return answerFromProto(x.Answer), nil
	}
	return detectors.Answer{}, &detectors.Error{Code: detectors.CodeBadAnswer, Message: "neither an answer nor an error"}
}

// lineError is a typed error that came from the line and not from the plugin.
type lineError struct {
	typed  *detectors.Error
	status codes.Code
}

func (e *lineError) Error() string { return e.typed.Error() }
func (e *lineError) Unwrap() error { return e.typed }

// Broken reports whether err says that the connection is gone: the process died, or might as well have.
func Broken(err error) bool { return lineStatus(err) == codes.Unavailable }

// Overrun reports whether err says that the plugin gave no answer in time, not even that it was out of time.
func Overrun(err error) bool { return lineStatus(err) == codes.DeadlineExceeded }

func lineStatus(err error) codes.Code {
	if e, ok := err.(*lineError); ok {
		return e.status
	}
	return codes.OK
}

// transportError types what gRPC reports about a call under ctx.
func transportError(ctx context.Context, err error) error {
	s := status.Convert(err)
	at := s.Code()
	if at == codes.Canceled && ctx.Err() == nil {
		at = codes.Unavailable // not the caller but this end closed the connection
	}
	code := detectors.CodeBadAnswer
	switch at {
	case codes.DeadlineExceeded, codes.Canceled:
		code = detectors.CodeDeadline
	case codes.Unavailable:
		code = detectors.CodeUnavailable
	case codes.ResourceExhausted:
		code = detectors.CodeTooLarge
	}
	return &lineError{&detectors.Error{Code: code, Message: bounded(s.Message())}, at}
}
