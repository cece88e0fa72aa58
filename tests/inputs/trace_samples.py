"""Small files in exactly the formats that the publishers describe, with their quirks."""
# ruff: noqa: E501 (lines are as long as the publishers')

from __future__ import annotations

from pathlib import Path

PHILLY_LOG = """[
 {"status": "Pass", "vc": "ee9e8c", "jobid": "application_1", "user": "u1", "submitted_time": "2017-10-07 01:00:10",
  "attempts": [
   {"start_time": "2017-10-07 01:01:00", "end_time": "2017-10-07 01:02:00",
    "detail": [{"ip": "m1", "gpus": ["gpu0", "gpu1"]}, {"ip": "m2", "gpus": ["gpu0", "gpu1"]}]},
   {"start_time": "2017-10-07 01:10:00", "end_time": "2017-10-07 01:12:00",
    "detail": [{"ip": "m1", "gpus": ["gpu0", "gpu1"]}, {"ip": "m3", "gpus": ["gpu6", "gpu7"]}]}]},
 {"status": "Killed", "vc": "ee9e8c", "jobid": "application_2", "user": "u1", "submitted_time": "2017-10-07 01:00:00",
  "attempts": []},
 {"status": "Failed", "vc": "0e4a51", "jobid": "application_3", "user": "u2", "submitted_time": "2017-10-07 02:00:00",
  "attempts": [
   {"start_time": null, "end_time": null, "detail": []},
   {"start_time": "2017-10-07 02:00:30", "end_time": "2017-10-07 02:00:35",
    "detail": [{"ip": "m1", "gpus": ["gpu0"]}]}]},
 {"status": "Killed", "vc": "0e4a51", "jobid": "application_4", "user": "u2", "submitted_time": "2017-10-07 03:00:00",
  "attempts": [{"start_time": "2017-10-07 03:00:30", "end_time": null, "detail": [{"ip": "m1", "gpus": ["gpu0"]}]}]}
]"""

PHILLY_TABLE = """timestamp,duration,num_gpus,gpu_time,cluster
2017-10-09 07:01:55,66.0,1,66.0,11cb48
2017-10-09 06:13:03,2951.5,4,11806.0,6214e9
2017-10-09 06:13:03,2951.5,4,11806.0,6214e9
2017-10-10 00:00:00,10.0,8,81.0,6214e9

"""

HELIOS = """job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,duration,queue
11,u1,vcA,8,32,1,COMPLETED,2020-04-01 00:00:10,2020-04-01 00:00:20,2020-04-01 00:10:20,600,10
12,u2,vcB,0,16,1,COMPLETED,2020-04-01 00:00:00,2020-04-01 00:00:01,2020-04-01 00:00:31,30,1
13,u2,vcB,1,4,1,CANCELLED,2020-04-01 00:01:00,,,0,0
14,u3,vcA,16,64,2,NODE_FAIL,2020-04-01 01:00:00,2020-04-01 01:00:00,2020-04-01 01:00:05,5,0
15,u3,vcA,2,8,1,TIMEOUT,2020-04-01 02:00:00,2020-04-01 02:00:00,2020-04-01 02:01:00,,0
"""

SEREN = """job_id,user,node_num,gpu_num,cpu_num,type,state,submit_time,start_time,end_time,duration,queue,gpu_time
501,uA,1,8,64,Pretrain,COMPLETED,2023-03-01 08:00:00+08:00,2023-03-01 08:00:05+08:00,2023-03-01 09:00:05+08:00,3600.0,5.0,28800.0
502,uB,1,1,8,Eval,FAILED,2023-03-01 00:30:00+00:00,2023-03-01 00:30:01+00:00,2023-03-01 00:30:03+00:00,2.0,1.0,2.0
503,uB,0,0,8,Other,CANCELLED,2023-03-01 08:40:00+08:00,2023-03-01 08:40:01+08:00,2023-03-01 08:40:03+08:00,2.0,1.0,0.0
504,uB,1,1,8,Eval,CANCELLED,2023-03-01 08:50:00+08:00,,2023-03-01 08:50:03+08:00,0.0,3.0,0.0
"""

KALOS = """job_id,user,node_num,gpu_num,cpu_num,mem_per_pod_GB,shared_mem_per_pod,type,state,submit_time,start_time,end_time,fail_time,stop_time,duration,queue,gpu_time
dlc1,u1,4.0,32.0,128.0,800.0,256.0,Pretrain,COMPLETED,2023-05-17 11:00:58+00:00,2023-05-17 11:01:08+00:00,2023-05-17 11:01:16+00:00,,2023-05-17 11:01:16+00:00,18.0,10.0,256.0
dlc2,u2,1.0,1.0,8.0,50.0,,Eval,FAILED,2023-05-17 11:00:00+00:00,2023-05-17 11:00:10+00:00,2023-05-17 11:00:40+00:00,2023-05-17 11:00:40+00:00,,40.0,10.0,30.0
"""

OPENB = """name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
openb-pod-0000,12000,16384,1,1000,,LS,Running,0,12537496,0.0
openb-pod-0001,6000,12288,1,460,V100M16|V100M32,LS,Succeeded,9437497,9437600,9437500.0
openb-pod-0002,6000,12288,0,0,,BE,Running,9437400,9437600,9437500.0
openb-pod-0003,88000,327680,8,1000,,BE,Pending,9437300,9437330,
"""

OPENB_SHORT = """name,cpu_milli,memory_mib,num_gpu,gpu_milli
openb-pod-0000,12000,16384,2,1000
openb-pod-0001,6000,12288,0,0
"""

TIRESIAS = """job_id,num_gpu,submit_time,iterations,model_name,duration,interval\r
0,1,0,606,vgg19,164,30\r
1,8,30,133,vgg11,147,23\r
2,2,25,133,vgg11,147,23"""

CHRONUS = """job_id,user,num_gpu,submit_time,iterations,model_name,duration,interval,expect_time_list,expect_value_list,best_effort,job_type
0,vc_103959,4,12198,6910,resnet101,211,8,282-300,10-5,0,strict
1,vc_7f04ca,0,11000,8897,resnet101,31,6,88,10,0,strict
2,vc_7f04ca,1,19772,8897,resnet101,31,6,88,10,0,strict
"""

SWF = """; Version: 2.2
; UnixStartTime: 749458803
;
    1        0     -1   1451  128     -1    -1   -1     -1    -1  1   1   1  -1 -1 -1 -1 -1
    2     1460     -1   3726   -1     -1    -1   64   7200    -1  0   1   1  -1 -1 -1 -1 -1
    3     5198     -1     -1  128     -1    -1   -1     -1    -1  5   2   1  -1 -1 -1 -1 -1
; a comment between the jobs
    9     5198     -1   10.5    1     -1    -1   -1     -1    -1  3  -1   1  -1 -1 -1 -1 -1
"""

PAI_JOB = """j1,i1,userA,Terminated,100.0,900.0
j2,i2,userB,Failed,50.0,70.0
j3,i3,userB,Running,300.0,
j4,i4,userB,Waiting,400.0,
"""
PAI_TASK = """j1,worker,2.0,Terminated,110.0,890.0,600.0,29.3,50.0,V100
j1,ps,1.0,Terminated,105.0,900.0,600.0,29.3,,
j2,tensorflow,1.0,Failed,55.0,70.0,600.0,29.3,25.0,MISC
j3,worker,1.0,Running,310.0,,600.0,29.3,100.0,T4
"""
PAI_INSTANCE = """j1,worker,n1,w1,i1,Terminated,120.0,890.0,m1
j1,worker,n2,w2,i1,Terminated,115.0,880.0,m2
"""

OWN = """submit_s,runtime_s,gpus,tenant
5,10.5,2,"a, b"
0,3,1,NA
"""

# name of the sample -> (file name, text)
SAMPLES = {
    "philly log": ("cluster_job_log", PHILLY_LOG),
    "philly table": ("philly.csv", PHILLY_TABLE),
    "helios": ("cluster_log.csv", HELIOS),
    "seren": ("trace_seren.csv", SEREN),
    "kalos": ("trace_kalos.csv", KALOS),
    "pai": ("pai_task_table.csv", PAI_TASK),
    "openb": ("openb_pod_list_default.csv", OPENB),
    "tiresias": ("60_job.csv", TIRESIAS),
    "chronus": ("trace_job_Philly_SLO.csv", CHRONUS),
    "swf": ("log.swf", SWF),
    "own": ("own.csv", OWN),
}


def write(folder: Path, sample: str) -> Path:
    """The sample as a file with its publisher's name."""
    name, text = SAMPLES[sample]
    path = folder / name
    path.write_bytes(text.encode())
    return path
