package main

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"

	"github.com/aad6b6dc/taster/detectors/internal/protocol/detectorv1"
)

func TestGeneratedCodeIsFresh(t *testing.T) {
	want, err := compile("../" + protoDir)
	if err != nil {
		t.Fatal(err)
	}
	want.SourceCodeInfo = nil
	got := protodesc.ToFileDescriptorProto(detectorv1.File_detector_proto)
	if !proto.Equal(want, got) {
		t.Error("detectorv1 is not what detector.proto says: run go generate ./detectors/internal/protocol")
	}
}
