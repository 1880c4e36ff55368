//! temp
use super::*;
use crate::testing::{evidence, japan, people};
use std::time::Instant;
fn cand(sums:&[Evidence])->Vec<Candidate<'_>>{ let p=japan(); sums.iter().enumerate().map(|(n,e)|Candidate{place:Place{table:0,statistic:n,part:0,label:vec![]},evidence:e,withheld:!crate::rules::judge_part(e,&p).is_empty()}).collect()}
fn run(name:&str,sums:Vec<Evidence>){ let c=cand(&sums); let t=Instant::now(); let s=suppress(&c,&japan(),STEPS); let w=c.iter().filter(|c|c.withheld).count(); println!("{name}: {} sums, {} primary, {} secondary, {:?}",sums.len(),w,s.len(),t.elapsed()); }
fn rnd(x:u64)->u64{ let mut z=x.wrapping_add(0x9E3779B97F4A7C15); z=(z^(z>>30)).wrapping_mul(0xBF58476D1CE4E5B9); z=(z^(z>>27)).wrapping_mul(0x94D049BB133111EB); z^(z>>31)}
#[test] fn scale(){
 // codes x (records, people), 3000 people, 8 records each over 40 codes zipf
 for (n,codes,recs) in [(3000u32,40u64,8u64),(17000,60,23)] {
  let mut sums=vec![];
  for code in 0..codes { let mut v=vec![]; for s in 0..n { for r in 0..recs { let h=rnd(u64::from(s)*1000+r); let f=(h%10000) as f64/10000.0; let k=((codes as f64).powf(f)-1.0) as u64; if k==code {v.push((s,1));} } } let e=evidence(v); sums.push(e.once_per_person()); sums.push(e); }
  run(&format!("codes {n}"),sums);
 }
 // months sums, 3000 people, 60 months
 let sums:Vec<_>=(0..60u64).map(|m| evidence((0..3000u32).filter(|s| rnd(u64::from(*s)*77+m)%3==0).map(|s|(s,(rnd(u64::from(s)*7+m)%100000) as i128)))).collect();
 run("months",sums);
 let mut sums=vec![]; for m in 0..60u64 { for t in 0..5u64 { let e=evidence((0..17000u32).filter(|s| rnd(u64::from(*s)*77+m*5+t)%20==0).flat_map(|s|vec![(s,1i128);1+(rnd(u64::from(s)*7+m)%4/3) as usize])); sums.push(e.once_per_person()); sums.push(e);} }
 run("year x test 600",sums);
 // margins 47x20x2
 let n=100_000u32; let at=|s:u32|{(rnd(s.into())%47, ((20f64).powf((rnd(u64::from(s)+1_000_000)%10000) as f64/10000.0)-1.0) as u64, rnd(u64::from(s)+2_000_000)%2)};
 let mut g:BTreeMap<(u64,u64,u64),Vec<u32>>=BTreeMap::new();
 for s in 0..n {let (a,b,c)=at(s); for m in 0..8 { let k=(if m&1>0{a}else{99},if m&2>0{b}else{99},if m&4>0{c}else{99}); g.entry(k).or_default().push(s);} }
 run("cube 47x20x2",g.values().map(|v|people(v.iter().copied())).collect());
 let mut g2:BTreeMap<(u64,u64,u64),Vec<u32>>=BTreeMap::new();
 for s in 0..3000u32 {let (a,b,c)=at(s); for m in 0..8 { let k=(if m&1>0{a}else{99},if m&2>0{b}else{99},if m&4>0{c}else{99}); g2.entry(k).or_default().push(s);} }
 run("cube 47x20x2 small",g2.values().map(|v|people(v.iter().copied())).collect());
 run("cube sums",g2.values().map(|v|evidence(v.iter().map(|s|(*s,(1+rnd(*s as u64+5)%10000) as i128)))).collect());
 let big:Vec<_>=(0..3u64).map(|m| evidence((0..1_000_000u32).map(|s|(s,(rnd(u64::from(s)*7+m)%100000) as i128)))).collect();
 run("3 sums of 1M",big);
}
