package mulligan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// Each answer of a service has its version in its trailing metadata.
const versionKey = "mulligan-version"

// needs tells which version of its service a request needs, and for what; empty: any version.
func needs(method *Method, request proto.Message) (since, what string) {
	name := method.Path[strings.LastIndex(method.Path, "/")+1:]
	if method.Since != "" {
		since, what = method.Since, name
	}
	for _, newer := range method.Newer {
		if (isSet(request, newer) || isMasked(request, newer)) && isOlder(since, newer.Since) {
			since, what = newer.Since, name+" with "+strings.Join(newer.Path, ".")
		}
	}
	return since, what
}

func isSet(request proto.Message, newer Newer) bool {
	found := false
	visit(request.ProtoReflect(), newer.Path, func(holder protoreflect.Message, field protoreflect.FieldDescriptor) {
		switch {
		case newer.Value == 0:
			found = found || holder.Has(field)
		case field.IsList():
			list := holder.Get(field).List()
			for place := range list.Len() {
				found = found || list.Get(place).Enum() == protoreflect.EnumNumber(newer.Value)
			}
		default:
			found = found || holder.Get(field).Enum() == protoreflect.EnumNumber(newer.Value)
		}
	})
	return found
}

// isMasked tells whether the request is to change a field, if only to take its value away.
func isMasked(request proto.Message, newer Newer) bool {
	masked, ok := request.(interface{ GetUpdateMask() *fieldmaskpb.FieldMask })
	path := strings.Join(newer.Path, ".")
	return ok && newer.Value == 0 && slices.ContainsFunc(masked.GetUpdateMask().GetPaths(), func(one string) bool {
		return one == path || strings.HasPrefix(one, path+".")
	})
}

func newerError(method *Method, since, what, version, address string) *Error {
	service := strings.Split(method.Path, ".")[1]
	return &Error{
		Code:    "NEEDS_NEWER_SERVICE",
		Status:  codes.FailedPrecondition,
		Message: fmt.Sprintf("%s needs %s ≥ %s (the one at %s is %s); leave it out, or have the service updated", what, service, since, address, version),
		Details: map[string]string{"service": service, "since": since, "version": version},
	}
}

// isOlder compares releases by their numbers; 0.2.0rc1 counts as 0.2.0, and an empty one is older
// than all others.
func isOlder(one, other string) bool {
	mine, its := release(one), release(other)
	for place := range mine {
		if mine[place] != its[place] {
			return mine[place] < its[place]
		}
	}
	return false
}

func release(version string) (numbers [3]int) {
	for place, part := range strings.SplitN(version, ".", 4) {
		if place < len(numbers) {
			digits := part[:len(part)-len(strings.TrimLeft(part, "0123456789"))]
			numbers[place], _ = strconv.Atoi(digits)
		}
	}
	return numbers
}
