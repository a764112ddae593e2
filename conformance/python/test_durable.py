"""Durable functions: the official SDKs run unmodified inside of functions, the official client looks at them."""

import importlib.util
import json
import sys
import zipfile
import io
from datetime import timedelta
from pathlib import Path

import pytest

from conftest import ROLE, Server, wait_for

WORKFLOW = '''
import json
import sys
from aws_durable_execution_sdk_python import DurableContext, durable_execution, durable_step
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration, StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

tries = {"n": 0}

@durable_step
def shaky(step):
    tries["n"] += 1
    if tries["n"] < 2:
        raise ValueError("not yet")
    return tries["n"]

@durable_execution
def handler(event, context: DurableContext):
    what = event["do"]
    if what == "steps":
        a = context.step(lambda _: 20, name="a")
        context.wait(Duration.from_seconds(1), name="nap")
        b = context.step(lambda _: a + 1, name="b")
        return {"sum": a + b}
    if what == "retry":
        retry = create_retry_strategy(RetryStrategyConfig(max_attempts=3, initial_delay=Duration.from_seconds(1)))
        return context.step(shaky(), name="shaky", config=StepConfig(retry_strategy=retry))
    if what == "callback":
        callback = context.create_callback(name="approval", config=CallbackConfig(timeout=Duration.from_seconds(30)))
        return "approved: " + callback.result()
    if what == "map":
        return [r for r in context.map([1, 2, 3], lambda c, item, i, all: c.step(lambda _: item * 10, name=f"x{i}"), name="m").get_results()]
    if what == "invoke":
        return context.invoke(event["function"], {"name": "sy"}, name="call")
    raise ValueError("unknown: " + what)
'''


def package():
    """The workflow with the SDK, as `pip install --target` would lay it out; boto3 is the runtime's."""
    buffer = io.BytesIO()
    folder = Path(importlib.util.find_spec("aws_durable_execution_sdk_python").origin).parent
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.rglob("*.py"):
            archive.write(path, path.relative_to(folder.parent))
        archive.writestr("index.py", WORKFLOW)
    return buffer.getvalue()


def create(lam, name="durable"):
    lam.create_function(
        FunctionName=name, Runtime=f"python3.{sys.version_info.minor}", Role=ROLE, Handler="index.handler", Code={"ZipFile": package()},
        Timeout=20, MemorySize=256, DurableConfig={"ExecutionTimeout": 120, "RetentionPeriodInDays": 1},
    )
    lam.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    return name + ":$LATEST"


@pytest.fixture
def durable(server):
    lam = server.client("lambda")
    name = create(lam)
    yield name
    lam.delete_function(FunctionName="durable")


def run(lam, function, event, **more):
    answer = lam.invoke(FunctionName=function, Payload=json.dumps(event), **more)
    return answer, json.loads(answer["Payload"].read() or b"null")


def test_steps_and_waits(lam, durable):
    answer, result = run(lam, durable, {"do": "steps"}, DurableExecutionName="first")
    assert result == {"sum": 41} and "FunctionError" not in answer
    arn = answer["DurableExecutionArn"]
    told = lam.get_durable_execution(DurableExecutionArn=arn)
    assert told["Status"] == "SUCCEEDED" and told["DurableExecutionName"] == "first"
    history = lam.get_durable_execution_history(DurableExecutionArn=arn, IncludeExecutionData=True)["Events"]
    kinds = [event["EventType"] for event in history]
    assert kinds[0] == "ExecutionStarted" and kinds[-1] == "ExecutionSucceeded"
    assert kinds.count("InvocationCompleted") == 2 and "WaitSucceeded" in kinds
    # The same name with the same input is the same execution, and is not run again.
    again, result = run(lam, durable, {"do": "steps"}, DurableExecutionName="first")
    assert again["DurableExecutionArn"] == arn and result == {"sum": 41}
    with pytest.raises(lam.exceptions.DurableExecutionAlreadyStartedException):
        run(lam, durable, {"do": "retry"}, DurableExecutionName="first")
    listed = lam.list_durable_executions_by_function(FunctionName="durable", Statuses=["SUCCEEDED"])
    assert arn in [execution["DurableExecutionArn"] for execution in listed["DurableExecutions"]]
    # Dates go into the query as text.
    began = told["StartTimestamp"]
    during = lam.list_durable_executions_by_function(FunctionName="durable", StartedAfter=began, StartedBefore=began + timedelta(seconds=1))
    assert arn in [execution["DurableExecutionArn"] for execution in during["DurableExecutions"]]
    assert not lam.list_durable_executions_by_function(FunctionName="durable", StartedBefore=began - timedelta(days=1))["DurableExecutions"]


def test_retries_maps_and_failures(lam, durable):
    answer, result = run(lam, durable, {"do": "retry"})
    assert "FunctionError" not in answer and result >= 1
    assert run(lam, durable, {"do": "map"})[1] == [10, 20, 30]
    answer, result = run(lam, durable, {"do": "nothing"})
    assert answer["FunctionError"] == "Unhandled" and "unknown: nothing" in result["errorMessage"]


def test_another_function_is_invoked(lam, durable, deploy):
    other = deploy("exports.handler = async (event) => `hello ${event.name}`;")
    assert run(lam, durable, {"do": "invoke", "function": other})[1] == "hello sy"


def test_a_callback_over_a_kill(tmp_path):
    server = Server(tmp_path / "data").start()
    lam = server.client("lambda")
    function = create(lam)
    answer, _ = run(lam, function, {"do": "callback"}, InvocationType="Event")
    arn = answer["DurableExecutionArn"]

    def callback_id():
        events = lam.get_durable_execution_history(DurableExecutionArn=arn)["Events"]
        return next((e["CallbackStartedDetails"]["CallbackId"] for e in events if "CallbackStartedDetails" in e), None)

    found = wait_for(callback_id, 20)
    server.kill()
    server.start()
    lam.send_durable_execution_callback_heartbeat(CallbackId=found)
    lam.send_durable_execution_callback_success(CallbackId=found, Result=b'"yes"')
    told = wait_for(lambda: (t := lam.get_durable_execution(DurableExecutionArn=arn))["Status"] != "RUNNING" and t, 20)
    assert (told["Status"], json.loads(told["Result"])) == ("SUCCEEDED", 'approved: "yes"')
    server.stop()
